/** The steps of a layered template: packages, files, commands; each becomes one layer. */
import * as v from 'valibot';

const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.pipe(schema, v.description(description));

/** No "..", nothing relative: the path is looked up in the zone's root anyway, but a typo should be seen here. */
const zonePath = v.pipe(v.string(), v.regex(/^(\/(?!\.\.?(\/|$))[^/\0]+)+$/, 'is not an absolute path without ".."'));
const sourcePath = v.pipe(
  v.string(),
  v.regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0]+$/, "is not a path inside the template's folder"),
);

export const fileEntries = {
  path: described(zonePath, 'where it goes'),
  content: described(v.exactOptional(v.string()), 'its text'),
  source: described(v.exactOptional(sourcePath), "a file of the template's folder that it is a copy of"),
  mode: described(
    v.exactOptional(v.pipe(v.string(), v.regex(/^0?[0-7]{3,4}$/, 'is not an octal mode'))),
    '0644 if not given',
  ),
  owner: described(
    v.exactOptional(v.pipe(v.string(), v.regex(/^\d{1,5}:\d{1,5}$/, 'is not UID:GID'))),
    '0:0 if not given',
  ),
} as const;

const fileSchema = v.pipe(
  v.strictObject(fileEntries),
  v.check(
    ({ content, source }) => (content === undefined) !== (source === undefined),
    'needs either "content" or "source"',
  ),
);

export const stepSchema = v.strictObject({
  packages: described(
    v.exactOptional(
      v.pipe(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.+:=~-]*$/, 'is not a package'))), v.minLength(1)),
    ),
    "installed by the base's own package manager: apt or apk",
  ),
  files: described(v.exactOptional(v.pipe(v.array(fileSchema), v.minLength(1))), 'written into the root'),
  run: described(
    v.exactOptional(v.pipe(v.string(), v.nonEmpty('is empty'))),
    'a script for /bin/sh -e, as root of a zone with a network',
  ),
});

/** Exactly one of the three. */
export const oneStepSchema = v.pipe(
  stepSchema,
  v.check((step) => Object.keys(step).length === 1, 'needs exactly one of "packages", "files" and "run"'),
);

export const healthcheckSchema = v.strictObject({
  command: described(v.pipe(v.array(v.string()), v.minLength(1)), 'its exit status 0 means that the zone is well'),
  timeoutSeconds: described(
    v.exactOptional(v.pipe(v.number(), v.minValue(1), v.maxValue(3600)), 30),
    'how long the zone has to become so',
  ),
});

export type TemplateStep = v.InferOutput<typeof stepSchema>;
export type TemplateFile = v.InferOutput<typeof fileSchema>;
export type Healthcheck = v.InferOutput<typeof healthcheckSchema>;
