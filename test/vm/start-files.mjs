// In the VM: what an installation makes for a quick start, with the node and for the processor that will use it.
import { writeCodeCache } from '../../scripts/code-cache.mjs';
import { writeSnapshots } from '../../scripts/snapshot.mjs';

await writeCodeCache();
writeSnapshots();
