/** gVisor as a user meets it: the doctor finds it and tries it. What hostile code does there is in the other files here. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ripcord } from '../docker/cli-process.js';
import { gVisorEndpoint, gVisorMissing, gVisorReady, LOAD_MS } from '../helpers/gvisor-engine.js';

describe.skipIf(gVisorMissing !== undefined)(`gVisor${gVisorMissing ? `, ${gVisorMissing}` : ''}`, () => {
  beforeAll(gVisorReady, LOAD_MS);

  it('is found by the doctor, tried in a sandbox of its own, and told apart from the host’s kernel', async () => {
    const { stdout } = await ripcord(['doctor', '--json', '--docker', gVisorEndpoint!]);
    const { findings } = JSON.parse(stdout) as { findings: { id: string; status: string; message: string }[] };
    const found = (id: string) => findings.find((finding) => finding.id === id);
    expect(found('isolation.runtimes')?.message).toContain('--runtime runsc');
    expect(found('probe.gvisor')).toMatchObject({ status: 'ok', message: expect.stringMatching(/kernel of its own/) });
    expect(found('probe.root')).toMatchObject({ status: 'ok' });
    expect(found('probe.teardown')).toMatchObject({ status: 'ok' });
  });
});
