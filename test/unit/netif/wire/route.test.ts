/** The bytes are those that iproute2 6.1 sends for the command in the test's name (strace -e write=all). */
import { expect } from 'chai';
import { decodeMessages, encodeMessage, type NetlinkMessage } from '../../../../src/netif/wire/bytes.js';
import * as route from '../../../../src/netif/wire/route.js';

/** Sequence numbers are strace's; ours is taken from the recorded message. */
function matches(message: NetlinkMessage, recorded: string): void {
  const bytes = Buffer.from(recorded, 'hex');
  const sequence = decodeMessages(bytes)[0]?.sequence ?? 0;
  expect(encodeMessage(message, sequence).toString('hex')).to.equal(recorded);
}

describe('rtnetlink messages', () => {
  it('ip link add tz000000b0 address 02:00:00:00:00:01 mtu 1400 type bridge mcast_snooping 0', () => {
    matches(
      route.newBridge({ name: 'tz000000b0', mac: '02:00:00:00:00:01', mtu: 1400 }),
      '60000000100005064d95036b00000000000000000000000000000000000000000a000100020000000001000008000400780500000f000300747a303030303030623000001c0012000a00010062726964676500000c0002000500170000000000',
    );
  });

  it('ip link add tz000000vabcdef index 70000 … master br0 up numtxqueues 1 numrxqueues 1 type veth peer name eth0 index 100 … netns 21392', () => {
    matches(
      route.newVeth({
        hostName: 'tz000000vabcdef',
        hostIndex: 70_000,
        hostMac: '02:00:00:00:00:05',
        master: 2,
        mtu: 1400,
        peerName: 'eth0',
        peerIndex: 100,
        peerMac: '02:00:00:00:00:02',
        peerPid: 21_392,
      }),
      'bc000000100005064d95036b00000000000000007011010001000000010000000a0001000200000000050000080004007805000008000a000200000014000300747a303030303030766162636465' +
        '660008001f000100000008002000010000005c0012000800010076657468500002004c000100000000006400000000000000000000000a000100020000000002000008000400780500000800130090530000090003006574683000000000' +
        '08001f00010000000800200001000000',
    );
  });

  it('ip link set dev v0 type bridge_slave learning off flood off group_fwd_mask 0xfffd locked on', () => {
    // Without the kind of slave, which the kernel does not ask for.
    matches(
      route.setBridgePort(70_000, false),
      '48000000100005004d95036b000000000000000070110100000000000000000028001200240005000500080000000000050009000000000006001f00fdff00000500270001000000',
    );
  });

  it('bridge fdb replace 02:00:00:00:00:02 dev v0 master static', () => {
    matches(
      route.newBridgeEntry(70_000, '02:00:00:00:00:02'),
      '280000001c000505901a0a6b000000000700000070110100420004000a0002000200000000020000',
    );
  });

  it('ip addr add 10.88.0.1/16 brd + dev br0', () => {
    matches(
      route.newAddress(2, '10.88.0.1/16'),
      '30000000140005064d95036b000000000210000002000000080002000a580001080001000a580001080004000a58ffff',
    );
  });

  it('ip addr add fd12::1/64 dev br0 nodad', () => {
    matches(
      route.newAddress(2, 'fd12::1/64'),
      '40000000140005064d95036b000000000a4002000200000014000200fd12000000000000000000000000000114000100fd120000000000000000000000000001',
    );
  });

  it('ip route add default via 10.88.0.9 dev br0', () => {
    // Recorded protocol byte: 3 (boot).
    matches(
      route.newDefaultRoute(2, '10.88.0.9'),
      '2c000000180005064d95036b0000000002000000fe03000100000000080005000a5800090800040002000000',
    );
  });

  it('ip link set tz000000b0 up', () => {
    matches(route.setLinkUp({ index: 3 }), '20000000100005004d95036b0000000000000000030000000100000001000000');
  });

  it('ip link delete tz000000b0', () => {
    matches(route.deleteLink(3), '20000000110005004d95036b0000000000000000030000000000000000000000');
  });

  it('an IPv6 default route names the gateway and the link', () => {
    const { body } = route.newDefaultRoute(100, 'fd12::9');
    expect(body[0]).to.equal(10);
    expect(body.toString('hex')).to.include('14000500fd120000000000000000000000000009').and.include('0800040064000000');
  });

  it('reads a link back', () => {
    const reply = { ...route.newBridge({ name: 'tz000000b0', mac: '02:00:00:00:00:01', mtu: 1400 }), sequence: 1 };
    expect(route.decodeLink(reply)).to.include({ name: 'tz000000b0', mac: '02:00:00:00:00:01', mtu: 1400, up: false });
  });
});
