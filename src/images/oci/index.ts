/** OCI images, wherever they come from: what is said of them, checked. Apart from images/index.ts: only pulls, imports and exports need it. */

export { type LayoutImage, type LayoutOptions, readLayout } from './layout.js';
export { parseArch, platformOf } from './platform.js';
export { type OciImage, type OciLayer, requireSize, resolveImage } from './resolve.js';
export { type BlobStream, type ContentSource, digestMismatch, verified } from './source.js';
