/** Text from inside a zone must not drive the terminal that shows it. */

/** C0 (but tab and newline), DEL, C1, and the bidirectional overrides that reorder what a person reads. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The same, tab and newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const suspect = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** Without control characters; `oneLine` also turns tabs and newlines into spaces. */
export function printable(text: string, options: { readonly oneLine?: boolean } = {}): string {
  // Of thousands of cells, hardly one has any.
  if (!suspect.test(text)) return text;
  const safe = text.replace(controls, '');
  return options.oneLine === true ? safe.replace(/[\t\n]+/g, ' ') : safe;
}
