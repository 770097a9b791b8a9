/** CRC-32C (Castagnoli), as ext4 keeps it: begun with all ones, and not inverted at the end. */
const table = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ ((value & 1) === 0 ? 0 : 0x82f63b78);
  return value >>> 0;
});

export function crc32c(data: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of data) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] ?? 0);
  return value >>> 0;
}
