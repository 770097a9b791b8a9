/** Logs of zones that write what they like, and much of it. */
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';

describe('logs -f of a zone', () => {
  const given = givenHost({ images: ['busybox'] });

  it('shows bytes that are no text once, keeps what follows a carriage return, and ends with the zone', async () => {
    const script = "sleep 1; printf '\\377\\376 odd\\n'; printf '10%%\\r20%%\\n'; sleep 1; echo last";
    const zone = await given.host.run({ image: 'busybox', net: 'none', command: ['sh', '-c', script] });
    const texts = [];
    for await (const { text } of zone.logs({ follow: true })) texts.push(text);
    expect(texts).to.deep.equal(['\ufffd\ufffd odd', '10%\r20%', 'last']);
  });

  it('shows every line in order over rotations', async () => {
    const [count, width] = [30_000, 400];
    const script = `sleep 1; i=0; x=$(printf '%0${width}d' 0); while [ $i -lt ${count} ]; do echo "$i $x"; i=$((i+1)); done`;
    const zone = await given.host.run({ image: 'busybox', net: 'none', command: ['sh', '-c', script] });
    let next = 0;
    for await (const { text } of zone.logs({ follow: true })) {
      if (Number(text.split(' ')[0]) !== next) throw new Error(`after ${next - 1} comes ${text.slice(0, 20)}`);
      next += 1;
    }
    expect(next).to.equal(count);
  });
});
