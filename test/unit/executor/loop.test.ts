/** The loop without sandboxes: order, defaults, feedback, memory, errors. */
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { IterationExecutor } from '../../../src/executor/iteration-executor.js';
import { Events, loop, noManager } from './loops.js';

describe('a run', () => {
  it('goes from strategies to a decision, and ends with the first branch that is accepted', async () => {
    const events = new Events();
    const executor = loop({
      branches: 3,
      verify: ({ branch }) => ({ passed: branch === 2, reason: branch === 2 ? 'right' : 'wrong' }),
    });
    const result = await executor.run('task', { onEvent: events.take, id: 'run-1' });
    expect(result).toMatchObject({ run: 'run-1', status: 'accepted', winner: { branch: 2, status: 'passed' } });
    expect(result.iterations).toHaveLength(1);
    expect(result.lastIteration?.branches.map(({ status }) => status)).toEqual(['failed', 'passed', 'failed']);
    expect(result.finalOutput).toBe('Accepted branch 2 in iteration 1: right.');
    expect(result.commit?.status).toBe('skipped');
    expect(new Set(events.types())).toEqual(
      new Set([
        'run.started',
        'iteration.started',
        'strategies',
        'phase.changed',
        'proposal',
        'verification',
        'branch.ended',
        'decision',
        'iteration.ended',
        'completed',
      ]),
    );
    expect(events.types()[0]).toBe('run.started');
    expect(events.types().at(-1)).toBe('completed');
    expect(events.all.map(({ seq }) => seq)).toEqual(events.all.map((_, index) => index + 1));
    const phases = events.of('phase.changed').filter(({ branch }) => branch === 2 || branch === undefined);
    expect(phases.map(({ phase }) => phase)).toEqual(['propose', 'verify', 'decide', 'remember']);
  });

  it('takes the highest score, and the first of equals', async () => {
    const scores = [1, 3, 3, 2];
    const executor = loop({ branches: 4, verify: ({ branch }) => ({ passed: true, score: scores[branch - 1]! }) });
    expect((await executor.run('task')).winner?.branch).toBe(2);
  });

  it('gives the next iteration the reasons as feedback, and a lesson of each branch', async () => {
    const seen: (string | undefined)[] = [];
    const executor = loop({
      maxIterations: 2,
      branches: 2,
      strategize: ({ iteration, memory }) =>
        iteration === 1
          ? [{ name: 'guess' }, { name: 'think' }]
          : [{ name: memory.hasFailed({ name: 'guess' }) ? 'something else' : 'guess' }],
      propose: ({ feedback, strategy }) => {
        seen.push(feedback);
        return strategy.name;
      },
      verify: ({ proposal }) => ({ passed: proposal === 'something else', reason: `${proposal} is wrong` }),
    });
    const result = await executor.run('task');
    expect(seen).toEqual([undefined, undefined, 'guess: guess is wrong\nthink: think is wrong']);
    expect(result.status).toBe('accepted');
    expect(result.state.memory.lessons).toMatchObject([
      { iteration: 1, strategy: 'guess', outcome: 'failed', reason: 'guess is wrong' },
      { iteration: 1, strategy: 'think', outcome: 'failed' },
      { iteration: 2, strategy: 'something else', outcome: 'passed' },
    ]);
  });

  it('refines a proposal as often as allowed, each time with the verification of the one before', async () => {
    const executor = loop<{ passed: boolean; score: number }>({
      branches: 1,
      maxIterations: 1,
      maxRefinements: 3,
      propose: () => 1,
      refine: ({ proposal, verification, refinement }) => {
        expect(verification.score).toBe(proposal);
        expect(refinement).toBe((proposal as number) - 1);
        return (proposal as number) + 1;
      },
      verify: ({ proposal }) => ({ passed: proposal === 3, score: proposal as number }),
    });
    const { winner } = await executor.run('task');
    expect(winner?.attempts).toMatchObject([
      { proposal: 1, verification: { passed: false } },
      { proposal: 2, verification: { passed: false } },
      { proposal: 3, verification: { passed: true } },
    ]);
  });

  it('runs no more branches at once than concurrency says', async () => {
    let running = 0;
    let most = 0;
    const executor = loop({
      branches: 10,
      maxIterations: 1,
      concurrency: 3,
      propose: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      },
    });
    await executor.run('task');
    expect(most).toBe(3);
  });

  it('goes on after errors of single branches, and says what they were', async () => {
    const executor = loop({
      branches: 4,
      propose: ({ branch }) => {
        if (branch === 1) throw new Error('no idea');
        if (branch === 2) return Promise.reject(new TypeError('not my day'));
        return branch;
      },
      verify: ({ branch }) => {
        if (branch === 3) throw 'a string';
        return { passed: true };
      },
    });
    const events = new Events();
    const result = await executor.run('task', { onEvent: events.take });
    expect(result.winner?.branch).toBe(4);
    expect(result.lastIteration?.branches.map(({ status, error }) => [status, error?.message])).toEqual([
      ['error', 'no idea'],
      ['error', 'not my day'],
      ['error', 'a string'],
      ['passed', undefined],
    ]);
    expect(events.of('error').map(({ branch, phase }) => [branch, phase])).toEqual([
      [1, 'propose'],
      [2, 'propose'],
      [3, 'verify'],
    ]);
  });

  it.each(['strategize', 'decide', 'remember'] as const)('goes on after an error of %s', async (name) => {
    let calls = 0;
    const failing = {
      [name]: () => {
        if (++calls === 1) throw new Error(`${name} broke`);
        return { strategize: [{ name: 'again' }], decide: { accept: 1 }, remember: undefined }[name];
      },
    };
    const result = await loop({ maxIterations: 2, branches: 1, ...failing }).run('task');
    expect(result.iterations).toHaveLength(name === 'decide' ? 2 : 2);
    expect(result.iterations[0]).toMatchObject({ complete: true, errors: [{ message: `${name} broke` }] });
    expect(result.status).toBe(name === 'decide' ? 'accepted' : 'exhausted');
  });

  it('tells the next iteration why the one before failed as a whole', async () => {
    const seen: (string | undefined)[] = [];
    await loop({
      maxIterations: 2,
      branches: 1,
      propose: ({ feedback }) => seen.push(feedback),
      decide: () => {
        throw new Error('undecided');
      },
    }).run('task');
    expect(seen).toEqual([undefined, 'decide failed: undecided']);
  });

  it('takes a result that does not match its schema for an error of the branch', async () => {
    const executor = new IterationExecutor(noManager, {
      sandbox: false,
      maxIterations: 1,
      branches: 2,
      schemas: { proposal: z.strictObject({ file: z.string() }) },
      propose: ({ branch }) => (branch === 1 ? { file: 'a.py' } : ({ fiel: 'a.py' } as never)),
      verify: ({ proposal }) => ({ passed: proposal.file === 'a.py' }),
    });
    const result = await executor.run('task');
    expect(result.winner?.branch).toBe(1);
    expect(result.iterations[0]?.branches[1]?.error).toMatchObject({ code: 'result-invalid' });
    expect(result.iterations[0]?.branches[1]?.error?.message).toContain('propose returned something else');
  });

  it.each([
    ['verify', { verify: () => ({ pass: true }) as never }, 'passed: '],
    ['strategize', { strategize: () => [] }, 'at least one strategy'],
    ['decide', { decide: () => ({ accept: 7 }) }, 'there is no branch 7'],
  ])('needs what %s must return', async (_, options, message) => {
    const { iterations } = await loop({ maxIterations: 1, branches: 1, ...options }).run('task');
    const [iteration] = iterations;
    expect(JSON.stringify([iteration!.errors, iteration!.branches.map(({ error }) => error)])).toContain(message);
  });

  it('ends a step that takes too long, as an error of its branch', async () => {
    const executor = loop({
      branches: 2,
      timeouts: { proposeMs: 20 },
      propose: ({ branch }) => (branch === 1 ? new Promise(() => {}) : 'done'),
      verify: () => ({ passed: true }),
    });
    const result = await executor.run('task');
    expect(result).toMatchObject({ status: 'accepted', winner: { branch: 2 } });
    expect(result.iterations[0]!.branches[0]!.error).toMatchObject({ code: 'time-limit' });
  });

  it('says that it tried, when no branch was good enough', async () => {
    const result = await loop({ maxIterations: 2, branches: 1 }).run('task');
    expect(result).toMatchObject({ status: 'exhausted', winner: undefined, state: { nextIteration: 3 } });
    expect(result.finalOutput).toBe('No branch was accepted in 2 iterations. Its result: branch 1 failed (wrong)');
  });

  it('goes on whatever its observer throws', async () => {
    const onEvent = vi.fn(() => {
      throw new Error('display broke');
    });
    expect((await loop({ maxIterations: 1 }).run('task', { onEvent })).status).toBe('exhausted');
    expect(onEvent).toHaveBeenCalled();
  });
});

describe('external()', () => {
  const calling = (call: (attempt: number) => string, options?: { retries?: number; minDelayMs?: number }) => {
    const events = new Events();
    const executor = loop({
      branches: 1,
      maxIterations: 1,
      propose: ({ external }) => external('model', (_signal, attempt) => call(attempt), options),
      verify: ({ proposal }) => ({ passed: proposal === 'answer' }),
    });
    return executor.run('task', { onEvent: events.take }).then((result) => ({ result, events }));
  };

  it('retries when asked, and is recorded', async () => {
    const flaky = (attempt: number) => {
      if (attempt < 3) throw new Error('busy');
      return 'answer';
    };
    const { result, events } = await calling(flaky, { retries: 2, minDelayMs: 1 });
    expect(result.status).toBe('accepted');
    expect(events.of('external')).toMatchObject([{ name: 'model', attempts: 3, branch: 1, iteration: 1 }]);
    expect(events.of('external')[0]!.error).toBeUndefined();
  });

  it('does not retry unasked, and records the error', async () => {
    const { result, events } = await calling(() => {
      throw new Error('busy');
    });
    expect(result.iterations[0]!.branches[0]!.error?.message).toBe('busy');
    expect(events.of('external')).toMatchObject([{ attempts: 1, error: { message: 'busy' } }]);
  });
});

describe('options', () => {
  it.each([
    [{ maxIteration: 3 }, "unknown option 'maxIteration', did you mean 'maxIterations'?"],
    [{ propose: undefined }, 'propose: expected a function'],
    [{ commitMode: 'auto' }, "commitMode 'auto' needs a target"],
    [{ commitMode: 'manual', target: '/tmp/x', sandbox: {} }, "commitMode 'manual' needs an approve function"],
    [{ maxRefinements: 1 }, 'maxRefinements needs a refine function'],
    [{ keepBest: true }, 'without sandboxes there are no files'],
    [{ sandbox: { imagee: 'python' } }, "unknown option 'imagee', did you mean 'image'?"],
    [{ timeouts: { proposeMS: 1 } }, "unknown option 'timeouts.proposeMS', did you mean 'proposeMs'?"],
  ])('%j is refused by name', (options, message) => {
    expect(() => loop(options as never)).toThrow(message);
  });

  it('of a run are checked as well', async () => {
    await expect(loop().run('task', { singal: 1 } as never)).rejects.toThrow("did you mean 'signal'?");
  });
});

it('costs less than a millisecond a branch', async () => {
  const executor = loop({ maxIterations: 10, branches: 8 });
  for (let warmUp = 0; warmUp < 3; warmUp++) await executor.run('task');
  const before = process.cpuUsage();
  for (let run = 0; run < 10; run++) await executor.run('task');
  const { user, system } = process.cpuUsage(before);
  // Prints CPU time and does not assert it, because a busy machine is not a defect.
  console.log(`overhead of the loop: ${((user + system) / 800).toFixed(0)} µs a branch`);
});
