// The layers of ARCHITECTURE.md as rules: who may import whom. `npm run lint` runs them; test/unit/scripts/layers.test.ts
// checks on a small tree that they bite.

/** Lowest first. A folder imports from itself and from ranks below, never from its own rank. */
const ranks = [
  ['errors'],
  ['spec', 'helper'],
  ['host'],
  ['state'],
  ['storage', 'images', 'cgroups', 'namespaces', 'netif', 'seccomp', 'apparmor'],
  ['plan'],
  ['operations'],
  ['sdk', 'engine'],
  ['index'],
  ['cli'],
  ['commands'],
  ['main'],
];

const pathOf = (layer) => (['index', 'main'].includes(layer) ? `^src/${layer}\\.ts$` : `^src/${layer}/`);

const layerRules = ranks.flatMap((rank, i) =>
  rank.map((layer) => ({
    name: `layer-${layer}`,
    comment: `${layer} may import only what lies below it`,
    severity: 'error',
    from: { path: pathOf(layer) },
    to: {
      path: [
        ...ranks
          .slice(i)
          .flat()
          .filter((other) => other !== layer)
          .map(pathOf),
        '^(test|scripts|bench|bin)/',
      ],
    },
  })),
);

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'child-process-only-in-its-two-places',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(helper/|host/tool\\.ts$)' },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'netlink-only-in-netif',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/netif/' },
      to: { path: '(^|/)node_modules/netlink/|^netlink$' },
    },
    {
      name: 'oclif-only-in-the-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|commands)/' },
      to: { path: '@oclif/' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
