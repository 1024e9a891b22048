import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AgentProcess, encodeHello, FLAG, marker, OUTCOME, TYPE, u16, u64 } from '../../helpers/agent-process.js';
import { agentRoot } from '../../helpers/agent-root.js';
import { type AgentSuite, describeAgent, gone, STAGE, there } from '../../helpers/agent-suite.js';

const { EADDRINUSE, ENOTSUP, EPERM } = constants.errno;
const RESETTABLE = 2;
const WORK = '/work';

/** The agent's volume has these files for interpreters, as root's alone. Here each holds its name. */
const LIBRARY = `mkdir -m 700 .ripcord .ripcord/python .ripcord/node
  for f in /python/sitecustomize.py /node/program.cjs /node/typescript.cjs; do
    echo $f > .ripcord/$f; chmod 400 .ripcord/$f
  done; chmod 111 .ripcord`;

/** Leaves what its argument says, with no tool but the C library: python is not everywhere. */
const LEAVER = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
static int ipc(void) {
    return shmget(5, 4096, IPC_CREAT | 0600) < 0 || semget(5, 3, IPC_CREAT | 0600) < 0 ||
           msgget(5, IPC_CREAT | 0600) < 0 || shmget(6, 4096, IPC_CREAT) < 0;
}
static int queue(void) {
    return mq_open("/left", O_CREAT | O_RDWR, 0600, NULL) < 0;
}
static int wait_state(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7777), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(l, (void *)&at, sizeof at) || listen(l, 1) || connect(c, (void *)&at, sizeof at)) return 1;
    int s = accept(l, NULL, NULL);
    return close(c) || close(s);
}
static int deep(void) {
    for (int i = 0; i < 2000; i++) {
        if (mkdir("d", 0700) != 0 || chdir("d") != 0) return 1;
    }
    return 0;
}
static int loopback(void) {
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
    return ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo) != 0;
}
/* Sets state on the open file description of its stdin. */
static int on_stdin(void) {
    return fcntl(0, F_SETSIG, 42) || flock(0, LOCK_EX);
}
static int nothing_on_stdin(void) {
    return fcntl(0, F_GETSIG) != 0 || flock(open("/dev/null", O_RDONLY), LOCK_EX | LOCK_NB);
}
int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "deep") == 0) return deep();
    if (strcmp(what, "loopback") == 0) return loopback();
    if (strcmp(what, "ipc") == 0) return ipc();
    if (strcmp(what, "stdin") == 0) return on_stdin();
    if (strcmp(what, "look-at-stdin") == 0) return nothing_on_stdin();
    return strcmp(what, "queue") == 0 ? queue() : wait_state();
}
`;

function leaver(suite: AgentSuite): string {
  const path = join(suite.directory, 'leaver');
  if (!existsSync(path)) {
    writeFileSync(`${path}.c`, LEAVER);
    execFileSync('cc', ['-static', '-o', path, `${path}.c`]);
  }
  return path;
}

/** As an engine would run it. */
async function rooted(suite: AgentSuite, { flags = RESETTABLE, more = 'mount -t mqueue queues queues' } = {}) {
  leaver(suite);
  const wrapper = [...agentRoot(suite.directory, `${leaver(suite)} loopback; ${more}`), ...suite.without('keyrings')];
  const agent = await suite.start({ hello: false, wrapper });
  agent.send(0, TYPE.HELLO, encodeHello(WORK, { helloFlags: flags }));
  await agent.awaitReady();
  return agent;
}

let token = 0;

async function reset(agent: AgentProcess): Promise<{ errno: number; what: string }> {
  agent.send(0, TYPE.RESET, u64(++token));
  for (;;) {
    const { type, payload } = await agent.next(0);
    if (type !== TYPE.RESET_DONE) continue;
    expect(payload.readBigUInt64LE(0)).toBe(BigInt(token));
    const length = payload.readUInt32LE(12);
    return { errno: payload.readUInt32LE(8), what: payload.subarray(16, 16 + length).toString() };
  }
}

const CLEAN = { errno: 0, what: '' };

/** Everything a task could see of the one before it, but counters. */
const LOOK = `
find /work /scratch /shm /queues -printf '%p %y %m %u %T@\\n'
for f in shm sem msg; do tail -n +2 /proc/sysvipc/$f; done
tail -n +2 /proc/net/tcp; tail -n +2 /proc/net/tcp6; tail -n +2 /proc/net/udp | wc -l
grep -c . /proc/net/unix
ulimit -a; umask; pwd; uname -n; cat /proc/self/oom_score_adj /proc/mounts`;

async function look(agent: AgentProcess): Promise<string> {
  const { stdout, stderr } = await agent.sh(LOOK);
  expect(stderr.toString()).toBe('');
  return stdout.toString();
}

describeAgent('agent: RESET', (suite) => {
  it('has nothing to do at the start, and says so, again and again', async () => {
    const agent = await rooted(suite);
    for (let i = 0; i < 3; i++) expect(await reset(agent)).toEqual(CLEAN);
    expect((await agent.sh('echo on')).stdout.toString()).toBe('on\n');
  });

  it('leaves nothing that hangs on the stdin of those without one', async () => {
    const agent = await rooted(suite);
    const run = async (what: string) => (await agent.run([leaver(suite), what])).exitCode;
    expect(await run('look-at-stdin')).toBe(0);
    expect(await run('stdin')).toBe(0);
    expect(await reset(agent)).toEqual(CLEAN);
    expect(await run('look-at-stdin')).toBe(0);
  });

  it('removes files whoever they belong to, and however they are closed, and gives the mounts back as they were', async () => {
    const agent = await rooted(suite);
    const before = await look(agent);
    const files = `umask 0; cd /work; echo x > file; mkdir -p a/b/c open shared; echo x > a/b/c/d
      ln -s / out; ln file hard; mkfifo fifo; printf x > "$(printf 'new\\nline\\033\\377')"; : > ./-rf
      i=0; while [ $i -lt 3000 ]; do echo > open/$i; i=$((i + 1)); done
      echo x > /scratch/t; mkdir -p /scratch/d/e; echo x > /scratch/d/e/f; chmod 0 /scratch/d/e /scratch/d a/b; echo x > /shm/s
      touch -d 2001-01-01 /work; chmod 500 /work`;
    expect((await agent.sh(files)).exitCode).toBe(0);
    // Files of another user lie in a directory of the first user, who then removes its permissions.
    expect((await agent.sh('chmod 755 /work; chmod 777 /work/shared')).exitCode).toBe(0);
    const theirs =
      'cd /work/shared; mkdir -p mine/deep; echo x > mine/deep/file; chmod 700 mine; mkdir /scratch/theirs';
    expect((await agent.sh(theirs, { user: '1001:1001' })).exitCode).toBe(0);
    expect((await agent.sh('chmod 0 /work/shared /work')).exitCode).toBe(0);
    expect(await reset(agent)).toEqual(CLEAN);
    expect(await look(agent)).toBe(before);
  });

  it("takes the interpreters' files with it, and the next command that names them finds them again", async () => {
    const agent = await rooted(suite, { more: `mount -t mqueue queues queues; ${LIBRARY}` });
    const before = await look(agent);
    for (const who of ['', '1001:1001']) {
      expect((await agent.sh('ls -A /run/rip*')).stdout.toString()).toBe('');
      const shown = await agent.sh('cd /run/ripcord/lib/; cat */*; stat -c "%a %u %n" . * */*', { user: who });
      expect(shown.stdout.toString()).toBe(
        '/node/program.cjs\n/node/typescript.cjs\n/python/sitecustomize.py\n555 0 .\n555 0 node\n555 0 python\n' +
          '444 0 node/program.cjs\n444 0 node/typescript.cjs\n444 0 python/sitecustomize.py\n',
      );
      expect((await agent.sh('echo x >> "$F"', { env: ['F=/run/ripcord/lib/node/program.cjs'] })).exitCode).not.toBe(0);
      expect((await agent.sh('cat /.ripcord/node/program.cjs /.ripcord/python/*')).stdout.toString()).toBe('');
      expect(await reset(agent)).toEqual(CLEAN);
      expect(await look(agent)).toBe(before);
    }
  });

  it("leaves a command unstarted for which the interpreters' files cannot be copied, and tries again", async () => {
    const agent = await rooted(suite, { more: `mount -t mqueue queues queues; ${LIBRARY}; mkdir -p scratch/none` });
    const enter = (line: string) => execFileSync('nsenter', ['-t', String(agent.agentPid), '-m', 'sh', '-c', line]);
    const run = () => agent.run(['cat', '/run/ripcord/lib/python/sitecustomize.py']);
    enter('mount -t tmpfs none /.ripcord/node');
    const { ENOENT } = constants.errno;
    expect(await run()).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.PROGRAM, errno: ENOENT });
    enter('umount /.ripcord/node');
    expect((await run()).stdout.toString()).toBe('/python/sitecustomize.py\n');
  });

  it('goes down and comes up any number of levels', async () => {
    const agent = await rooted(suite);
    expect((await agent.run([leaver(suite), 'deep'])).exitCode).toBe(0);
    expect(await reset(agent)).toEqual(CLEAN);
  });

  it('kills everything, detached or not, ends every stream without a word, and takes commands again', async () => {
    const agent = await rooted(suite);
    const word = marker();
    const stubborn = agent.spawn(['sh', '-c', `trap "" TERM; setsid sleep ${word} & sleep ${word}`]);
    expect((await agent.next(stubborn)).type).toBe(TYPE.STARTED);
    await agent.sh(`setsid sleep ${word} >/dev/null 2>&1 &`, { flags: FLAG.DETACHED });
    const reading = agent.spawn(['cat'], { flags: FLAG.STDIN });
    expect((await agent.next(reading)).type).toBe(TYPE.STARTED);
    await there(word, 3);
    expect(await reset(agent)).toEqual(CLEAN);
    await gone(word);
    // The host may not know yet: what it says of old streams is not taken amiss.
    agent.send(reading, TYPE.STDIN, Buffer.from('late'));
    agent.kill(stubborn);
    expect((await agent.sh('echo on')).stdout.toString()).toBe('on\n');
    expect((await agent.sh('ls -d /proc/[0-9]*/exe | wc -l')).exitCode).toBe(0);
  });

  it('removes System V objects and message queues of any user', async () => {
    const agent = await rooted(suite);
    const before = await look(agent);
    for (const user of ['', '1001:1001']) {
      expect((await agent.run([leaver(suite), 'queue'], { user })).exitCode).toBe(user === '' ? 0 : 1);
    }
    expect((await agent.run([leaver(suite), 'ipc'])).exitCode).toBe(0);
    expect(await look(agent)).not.toBe(before);
    expect(await reset(agent)).toEqual(CLEAN);
    expect(await look(agent)).toBe(before);
    expect((await agent.run([leaver(suite), 'ipc'], { user: '1001:1001' })).exitCode).toBe(0);
    expect(await reset(agent)).toEqual(CLEAN);
    expect(await look(agent)).toBe(before);
  });

  it('closes its port, which may be asked for again', async () => {
    const agent = await rooted(suite);
    for (let i = 0; i < 2; i++) {
      agent.send(0, TYPE.LISTEN, Buffer.concat([u16(8080), u16(4)]));
      const { type, payload } = await agent.next(0);
      expect([type, payload.readUInt16LE(0)]).toEqual([TYPE.LISTENING, 8080]);
      expect(await reset(agent)).toEqual(CLEAN);
    }
  });

  it('says so when a connection is still waiting for its time to pass', async () => {
    const agent = await rooted(suite);
    expect((await agent.run([leaver(suite), 'wait'])).exitCode).toBe(0);
    expect(await reset(agent)).toEqual({ errno: EADDRINUSE, what: 'TCP connections in TIME_WAIT' });
  });

  it('counts from the reset on', async () => {
    const agent = await rooted(suite);
    await agent.sh('i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done');
    expect(await reset(agent)).toEqual(CLEAN);
    agent.send(0, TYPE.STATS_REQUEST, Buffer.alloc(4));
    const { type, payload } = await agent.next(0);
    expect(type).toBe(TYPE.STATS);
    expect(payload.readUInt32LE(40)).toBe(0);
  });

  it('is refused once a command has run as root, even a file operation', async () => {
    const agent = await rooted(suite);
    expect((await agent.fs('stat', ['/work', 1], undefined, '0:0')).exitCode).toBe(0);
    expect(await reset(agent)).toEqual({ errno: EPERM, what: 'a command ran as root' });
    expect(await reset(agent)).toMatchObject({ errno: EPERM });
  });

  it('is refused where it was not announced or cannot be proven, with the reason', async () => {
    const plain = await rooted(suite, { flags: 0 });
    expect(await reset(plain)).toEqual({ errno: ENOTSUP, what: 'it was not asked for in HELLO' });

    const noQueues = await rooted(suite, { more: ':' });
    expect(await reset(noQueues)).toEqual({ errno: ENOTSUP, what: 'POSIX message queues cannot be seen' });

    const bound = await rooted(suite, { more: 'mount -t mqueue queues queues; mkdir host; mount --bind /var host' });
    expect(await reset(bound)).toEqual({ errno: ENOTSUP, what: 'a writable mount at /host' });

    const furnished = await rooted(suite, {
      more: 'mount -t mqueue queues queues; echo x > scratch/there; chmod 666 scratch/there',
    });
    expect(await reset(furnished)).toEqual({ errno: ENOTSUP, what: 'no full view of /scratch' });

    // The machine's own root, with no filter of system calls.
    const bare = await suite.ready({ helloFlags: RESETTABLE });
    expect((await reset(bare)).errno).toBe(ENOTSUP);
  });

  it('notices what it could not undo', async () => {
    const agent = await rooted(suite);
    // Enters the sandbox from outside, with more rights than any process inside.
    const enter = (...command: string[]) =>
      execFileSync('nsenter', ['-t', String(agent.agentPid), '-m', '-n', '-i', ...command]);
    enter('mount', '-t', 'tmpfs', 'late', '/scratch');
    expect(await reset(agent)).toMatchObject({
      errno: expect.any(Number),
      what: expect.stringMatching(/mounts|removed/),
    });
    enter('umount', '/scratch');
    expect(await reset(agent)).toEqual(CLEAN);
    enter('sh', '-c', 'echo x > /shm/of-root; mkdir -m 700 /shm/dir; echo x > /shm/dir/file');
    expect(await reset(agent)).toEqual(CLEAN);
    execFileSync('prlimit', ['--pid', String(agent.agentPid), '--cpu=1000:1000']);
    expect(await reset(agent)).toEqual({ errno: EPERM, what: 'changed limits of the agent' });
  });
});
