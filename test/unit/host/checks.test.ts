import { expect } from 'chai';
import type { CheckContext } from '../../../src/host/checks/check.js';
import { type CgroupLayout, type Check, checkHost, type HostFacts, probeHost } from '../../../src/host/index.js';
import { parseMountinfo } from '../../../src/host/mountinfo.js';

describe('checkHost', () => {
  let facts: HostFacts;
  before(async () => {
    facts = await probeHost();
  });

  async function only(id: string, overrides: Partial<CheckContext>, changed: Partial<HostFacts> = {}): Promise<Check> {
    const nothing: Partial<CheckContext> = {
      read: () => undefined,
      exists: (path) => path === '/',
      mounts: [],
      findTool: () => undefined,
    };
    const checks = await checkHost(
      { facts: { ...facts, ...changed }, root: '/nowhere/tszone' },
      { ...nothing, ...overrides },
    );
    return checks.find((check) => check.id === id) ?? expect.fail(`no check ${id}`);
  }
  const files = (all: Readonly<Record<string, string>>): Partial<CheckContext> => ({
    read: (path) => all[path],
    exists: (path) => path === '/' || path in all,
  });

  it('gives each check its own id, and a fix to what is not well', async () => {
    const checks = await checkHost(
      { facts, root: '/var/lib/tszone' },
      { read: () => undefined, exists: (path) => path === '/' },
    );
    expect(new Set(checks.map(({ id }) => id)).size).to.equal(checks.length);
    for (const { id, status, fix } of checks) expect(fix === undefined, id).to.equal(status === 'ok');
  });

  it('fails an old kernel', async () => {
    const kernel = { ...facts.kernel, major: 5, minor: 10, release: '5.10.0' };
    expect(await only('kernel.version', {}, { kernel })).to.include({ status: 'fail' });
    expect(await only('kernel.version', {}, { kernel: { ...kernel, major: 6, minor: 1 } })).to.include({
      status: 'ok',
    });
  });

  it('fails without root', async () => {
    expect(await only('root', {}, { isRoot: false })).to.include({ status: 'fail', fix: 'sudo tszone …' });
  });

  it('says why zones get no AppArmor profile, where the kernel has it', async () => {
    const apparmor = { hasInterface: true, isConfined: false };
    const effectiveNames = [...new Set([...facts.capabilities.effectiveNames, 'MAC_ADMIN' as const])];
    const capabilities = { ...facts.capabilities, effectiveNames };
    const there: Partial<CheckContext> = { findTool: (name) => `/sbin/${name}` };
    const said = (changed: Partial<HostFacts>, overrides = there) =>
      only('kernel.apparmor', overrides, { capabilities, apparmor, ...changed });
    expect(await said({})).to.include({ status: 'ok' });
    expect(await said({}, {})).to.include({ status: 'warn', detail: 'none: apparmor_parser is not installed' });
    expect((await said({}, {})).fix).to.match(/apt-get install .*apparmor$/);
    expect((await said({ apparmor: { ...apparmor, hasInterface: false } })).fix).to.include('securityfs');
    expect((await said({ apparmor: { ...apparmor, isConfined: true } })).detail).to.include('under a profile itself');
    const fewer = { ...capabilities, effectiveNames: effectiveNames.filter((name) => name !== 'MAC_ADMIN') };
    expect((await said({ capabilities: fewer })).detail).to.include('CAP_MAC_ADMIN');
    const { apparmor: _none, ...without } = facts;
    const checks = await checkHost({ facts: without, root: '/nowhere' }, {});
    expect(checks.map(({ id }) => id)).to.not.include('kernel.apparmor');
  });

  it('says what goes without a capability', async () => {
    const capabilities = {
      ...facts.capabilities,
      boundingNames: facts.capabilities.boundingNames.filter((name) => name !== 'SYS_RESOURCE'),
    };
    const { status, detail } = await only('kernel.capabilities', {}, { capabilities });
    expect(status).to.equal('warn');
    expect(detail).to.include('SYS_RESOURCE').and.include('hard limits');
  });

  it('sees namespaces that are missing or switched off', async () => {
    expect(await only('namespace.user', {})).to.include({ status: 'fail' });
    const there = { '/proc/self/ns/user': '', '/proc/sys/user/max_user_namespaces': '0\n' };
    expect(await only('namespace.user', files(there))).to.include({
      status: 'fail',
      fix: 'sysctl -w user.max_user_namespaces=31000',
    });
    expect(await only('namespace.user', files({ ...there, '/proc/sys/user/max_user_namespaces': '5\n' }))).to.include({
      status: 'ok',
    });
    expect(await only('namespace.time', {})).to.include({ status: 'warn' });
  });

  it('knows both ways of forbidding nested user namespaces', async () => {
    const blocked = files({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' });
    expect(await only('namespace.nested', blocked)).to.include({
      status: 'warn',
      fix: 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    });
    expect(await only('namespace.nested', files({ '/proc/sys/kernel/unprivileged_userns_clone': '0' }))).to.include({
      status: 'warn',
    });
    expect(await only('namespace.nested', {})).to.include({ status: 'ok' });
  });

  it('sees what keeps a zone from mounting its own /proc', async () => {
    const proc = '22 27 0:21 / /proc rw - proc proc rw\n';
    const seen = (extra: string) => only('mount.proc', { mounts: parseMountinfo(proc + extra) });
    expect(await seen('')).to.include({ status: 'ok' });
    expect(await seen('30 22 0:5 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw\n')).to.include({ status: 'ok' });
    const masked = await seen('30 22 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw\n');
    expect(masked).to.include({ status: 'fail' });
    expect(masked.detail).to.include('kcore');
    expect(
      await seen('30 22 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw\n31 27 0:21 / /mnt/proc rw - proc proc rw\n'),
    ).to.include({ status: 'ok' });
    expect(await only('mount.proc', { mounts: parseMountinfo(proc.replace('rw', 'ro')) })).to.include({
      status: 'fail',
    });
  });

  it('judges the data directory by the mount that it will be on', async () => {
    const mounts = parseMountinfo('27 1 0:1 / / rw - overlay overlay rw\n28 27 0:2 / /data rw - ext4 /dev/x rw\n');
    const bad = await only('storage.idmap', { mounts });
    expect(bad).to.include({ status: 'fail' });
    expect(bad.detail).to.include('overlay cannot be idmapped');
  });

  it('tells built-in, loadable and missing apart', async () => {
    const modules = `/lib/modules/${facts.kernel.release}`;
    expect(await only('network.veth', files({ '/sys/module/veth': '' }))).to.include({ status: 'ok', detail: 'there' });
    expect(
      await only('network.veth', files({ [`${modules}/modules.dep`]: 'kernel/drivers/net/veth.ko.xz:\n' })),
    ).to.include({ detail: 'as a module' });
    expect(await only('network.veth', files({ '/proc/kallsyms': '0 t veth_newlink\n' }))).to.include({
      detail: 'there',
    });
    const symbols = (text: string) => files({ '/sys/module/nf_tables': '', '/proc/kallsyms': text });
    expect(await only('network.bridge-filter', symbols('0 t nft_do_chain_bridge\n'))).to.include({ status: 'ok' });
    expect(await only('network.bridge-filter', symbols('0 t nft_do_chain_inet\n'))).to.include({ status: 'warn' });
    expect(await only('network.bridge-filter', files({ [`${modules}/modules.dep`]: 'x/nf_tables.ko:\n' }))).to.include({
      status: 'ok',
    });
    expect(await only('network.veth', files({ '/proc/kallsyms': '0 t veth_newlinks\n' }))).to.include({
      status: 'warn',
    });
  });

  it('names each controller that is missing with what it costs', async () => {
    const cgroup = { mode: 'v2' as const, controllers: {}, tracking: [], swapAccounting: false };
    expect(await only('cgroup.layout', {}, { cgroup })).to.include({ status: 'fail' });
    expect((await only('cgroup.pids', {}, { cgroup })).detail).to.include('--pids');
    expect(await only('cgroup.swap', {}, { cgroup })).to.include({ status: 'warn' });
    expect(await only('cgroup.systemd', {}, { cgroup, systemd: true })).to.include({ status: 'fail' });
    expect(await only('cgroup.systemd', {}, { cgroup, systemd: false })).to.include({ status: 'ok' });
  });

  it('says what keeps devices from zones, and that nothing does', async () => {
    const with_ = (controllers: CgroupLayout['controllers'], above: Partial<CgroupLayout> = {}) =>
      only(
        'cgroup.devices',
        {},
        { cgroup: { mode: 'v1', controllers, tracking: [], swapAccounting: false, ...above } },
      );
    expect(await with_({ devices: { version: 1, mount: '/cg/devices' } })).to.include({ status: 'ok' });
    expect((await with_({ devices: { version: 2, mount: '/cg' } })).detail).to.include('program');
    expect(await with_({}, { devicesAbove: true })).to.include({ status: 'ok' });
    expect(await with_({}))
      .to.include({ status: 'fail' })
      .and.has.property('fix');
  });

  it('sees other tools’ firewalls', async () => {
    expect(await only('network.forward', {})).to.include({ status: 'ok' });
    expect(await only('network.forward', files({ '/proc/net/ip_tables_names': 'nat\nfilter\n' }))).to.include({
      status: 'warn',
    });
    expect(await only('network.forward', files({ '/sys/class/net/docker0': '' }))).to.include({ status: 'warn' });
  });

  it('compares sysctls, and skips those that the kernel does not have', async () => {
    const low = files({ '/proc/sys/kernel/pid_max': '32768\n' });
    expect(await only('limits.kernel.pid_max', low)).to.include({ status: 'warn', fix: 'tszone doctor --fix' });
    expect(await only('limits.kernel.pid_max', files({ '/proc/sys/kernel/pid_max': '4194304\n' }))).to.include({
      status: 'ok',
    });
    const checks = await checkHost({ facts, root: '/' }, { read: () => undefined });
    expect(checks.filter(({ id }) => id.startsWith('limits.'))).to.deep.equal([]);
  });

  it('names the package of a missing program', async () => {
    expect(await only('tool.xz', {})).to.include({
      status: 'warn',
      fix: 'apt-get install --no-install-recommends xz-utils',
    });
    expect(await only('tool.xz', { findTool: (name) => `/usr/bin/${name}` })).to.include({
      status: 'ok',
      detail: '/usr/bin/xz',
    });
  });
});
