/**
 * Of `npm run lint`: in a block that holds something by `await using` or `using` (a lock, a descriptor, a directory), nothing returns a promise
 * without awaiting it: the block would let go of what it holds while the work is still being done.
 */
import { relative } from 'node:path';
import process from 'node:process';
import ts from 'typescript';

const configFile = 'tsconfig.test.json';
const { config } = ts.readConfigFile(configFile, ts.sys.readFile) as { config: unknown };
const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, '.', {}, configFile);
const program = ts.createProgram(fileNames, { ...options, noEmit: true });
const checker = program.getTypeChecker();

const found = program
  .getSourceFiles()
  .filter(({ fileName, isDeclarationFile }) => !isDeclarationFile && !fileName.includes('/node_modules/'))
  .flatMap((file) => returnsIn(file, false, file));
for (const line of found)
  process.stderr.write(`${line}: await what is returned, or what is held is let go before it is done\n`);
process.exitCode = found.length === 0 ? 0 : 1;

function returnsIn(node: ts.Node, holds: boolean, file: ts.SourceFile): string[] {
  const own: string[] = [];
  if (holds && ts.isReturnStatement(node) && node.expression !== undefined && isPromise(node.expression)) {
    own.push(`${relative('.', file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`);
  }
  let inside = holds && !ts.isFunctionLike(node);
  const below: string[] = [];
  ts.forEachChild(node, (child) => {
    below.push(...returnsIn(child, inside, file));
    if (isUsing(child)) inside = true;
  });
  return [...own, ...below];
}

function isUsing(node: ts.Node): boolean {
  return ts.isVariableStatement(node) && (node.declarationList.flags & ts.NodeFlags.Using) !== 0;
}

function isPromise(expression: ts.Expression): boolean {
  const type = checker.getTypeAtLocation(expression);
  return (type.isUnion() ? type.types : [type]).some((one) => checker.getPropertyOfType(one, 'then') !== undefined);
}
