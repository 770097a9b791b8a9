/** YAML 1.2 of plain JSON data; whatever could be read as something else than the text it is, is quoted. */

export function formatYaml(value: unknown): string {
  return isEmpty(value) || typeof value !== 'object' || value === null ? `${scalar(value)}\n` : block(value, '');
}

function block(value: object, indent: string): string {
  const entries: (readonly [string, unknown])[] = Array.isArray(value)
    ? value.map((item) => ['-', item] as const)
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [`${scalar(key)}:`, item] as const);
  return entries.map(([lead, item]) => entry(lead, item, indent)).join('');
}

function entry(lead: string, item: unknown, indent: string): string {
  if (typeof item !== 'object' || item === null || isEmpty(item)) return `${indent}${lead} ${scalar(item)}\n`;
  const inner = block(item, `${indent}  `);
  // A mapping in a list starts on the line of its dash.
  return lead === '-' ? `${indent}- ${inner.slice(indent.length + 2)}` : `${indent}${lead}\n${inner}`;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((item) => item === undefined);
}

function scalar(value: unknown): string {
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object' && value !== null) return '{}';
  if (typeof value !== 'string') return value === undefined ? 'null' : String(value);
  const isPlain = /^[A-Za-z_/][\w ./@+-]*$/.test(value) && !value.endsWith(' ');
  const isWord = /^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return isPlain && !isWord ? value : JSON.stringify(value);
}
