import { expect, it } from 'vitest';
import { describeAgent } from '../../helpers/agent-suite.js';

describeAgent('agent: attempts', (suite) => {
  it('makes each call in a process of its own and says what came of it', async () => {
    const agent = await suite.ready();
    const { stdout, stderr } = await agent.fs('attempts', []);
    expect(stderr.toString()).toBe('');
    const lines = stdout.toString().trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(16);
    for (const line of lines) expect(line).toMatch(/^[\w ]+\t(\d+|killed)$/);
  });
});
