import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { leftOf, NOTHING, type Running, ripcord, startOnTerminal } from './cli-process.js';

/** The process on the terminal: what `script` started. */
function childOf({ child }: Running): number {
  return Number(execFileSync('pgrep', ['-P', String(child.pid), '-f', 'main.js'], { encoding: 'utf8' }).trim());
}

const type = (running: Running, keys: string) => running.child.stdin!.write(keys);

describe('ripcord shell', () => {
  it('is a terminal of the same size, follows its changes, and ends with the shell’s exit code', async () => {
    using running = startOnTerminal(['shell']);
    await running.waitFor(/\$ $/);
    type(running, 'tty; stty size; id -u\r');
    await running.waitFor(/\/dev\/pts\/\d+\r\n33 91\r\n4\d{4}\r\n/);
    const pid = childOf(running);
    const terminal = execFileSync('readlink', [`/proc/${pid}/fd/0`], { encoding: 'utf8' }).trim();
    execFileSync('stty', ['-F', terminal, 'cols', '70', 'rows', '20']);
    // The size is on its way; the question may overtake it.
    type(running, 'until stty size | grep "20 70"; do :; done\r');
    await running.waitFor(/\n\r?20 70\r\n/);
    type(running, 'exit 9\r');
    expect((await running.ended).code).toBe(9);
    expect(await leftOf(pid)).toEqual(NOTHING);
  });

  it('is 80 columns by 24 rows on a terminal that does not know its size', async () => {
    using running = startOnTerminal(['shell', '--', 'stty', 'size'], { size: [0, 0] });
    await running.waitFor(/\n24 80\r\n/);
    expect((await running.ended).code).toBe(0);
  });

  it('sends Ctrl+C to what runs inside', async () => {
    using running = startOnTerminal(['shell']);
    await running.waitFor(/\$ $/);
    type(running, 'sh -c \'echo "be"gun; exec sleep 600\'\r');
    await running.waitFor(/begun\r\n/);
    type(running, '\x03');
    type(running, 'echo "al"ive\r');
    await running.waitFor(/alive\r\n.*\$ $/s);
    type(running, '\x04');
    expect((await running.ended).code).toBe(0);
  });

  it('ends whatever runs when Ctrl+] is pressed three times', async () => {
    const stubborn =
      'import signal, time\nfor s in (1, 2, 3, 15): signal.signal(s, signal.SIG_IGN)\nprint("re" + "ady")\ntime.sleep(600)';
    using running = startOnTerminal(['shell', '--image', 'python', '--', 'python3', '-c', stubborn]);
    await running.waitFor(/ready/);
    const pid = childOf(running);
    type(running, '\x1d\x1d\x1d');
    expect((await running.ended).code).toBe(137);
    expect(await leftOf(pid)).toEqual(NOTHING);
  });

  it('leaves nothing when its terminal goes away', async () => {
    using running = startOnTerminal(['shell']);
    await running.waitFor(/\$ $/);
    const pid = childOf(running);
    running.child.kill('SIGKILL');
    await running.ended;
    await expect.poll(() => leftOf(pid), { timeout: 10_000 }).toEqual(NOTHING);
  });

  it('says what to use where there is no terminal', async () => {
    const { code, stderr } = await ripcord(['shell']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/must be a terminal[\s\S]*ripcord run/);
  });
});

describe('ripcord run on a terminal', () => {
  const code = 'print("\\x1b[2J\\x1b]52;c;aGk=\\x07\\u202e", end="|")';

  it('shows control sequences instead of obeying them', async () => {
    using running = startOnTerminal(['run', '-c', code]);
    expect((await running.ended).stdout).toContain('^[[2J^[]52;c;aGk=^G\\u202e|');
  });

  it('passes them on with --raw', async () => {
    using running = startOnTerminal(['run', '--raw', '-c', code]);
    expect((await running.ended).stdout).toContain('\x1b[2J\x1b]52;c;aGk=\x07\u202e|');
  });

  it('takes typed lines as input', async () => {
    using running = startOnTerminal(['run', '-c', 'print(input("name? ").upper())']);
    await running.waitFor(/name\? /);
    type(running, 'bob\r');
    await running.waitFor(/BOB/);
    expect((await running.ended).code).toBe(0);
  });

  it('ends with 130 on Ctrl+C, on a line of its own', async () => {
    using running = startOnTerminal([
      'run',
      '-c',
      'import time; print("rea" + "dy", end="", flush=True); time.sleep(600)',
    ]);
    await running.waitFor(/ready/);
    type(running, '\x03');
    const { code, stdout } = await running.ended;
    expect(code).toBe(130);
    expect(stdout).toMatch(/ready\^C\r\nripcord: interrupted/);
  });
});
