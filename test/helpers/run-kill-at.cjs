// Runs the bundle of kill-at.ts with the code that V8 made of it: a run to the end leaves that for those that are killed.
//
//     node run-kill-at.cjs BUNDLE '{"root":…,"runRoot":…,"operation":"start","zone":{…},"at":3}'
const { writeFileSync } = require('node:fs');
const process = require('node:process');
const { loadBundle } = require('../../bin/load-bundle.js');

const [bundle, text] = process.argv.slice(2);
const order = JSON.parse(text);
const loaded = loadBundle(bundle);
loaded.exports.main(order).then(() => {
  if (order.at === undefined) writeFileSync(`${bundle}.cache`, loaded.script.createCachedData());
});
