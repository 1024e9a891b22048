import { useEffect, useState } from 'preact/hooks';
import { post } from '../api/http.js';
import type { SandboxDocument } from '../api/types.js';
import { Dialog } from '../components/dialog.js';
import { Problem } from '../components/problem.js';
import { type Failure, failureOf } from '../state/notices.js';
import { go, links } from '../state/route.js';
import { images, sandboxes } from '../state/store.js';
import { environmentOf } from '../text/environment.js';

const MINUTE_MS = 60_000;
/** Image offered until the list of images is loaded. */
const DEFAULT_IMAGE = 'python';

export function CreateSandbox({ onClose }: { onClose: () => void }) {
  const [problem, setProblem] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  useEffect(() => void images.load(), []);
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { id } = await post<SandboxDocument>('/v1/sandboxes', optionsOf(new FormData(form)));
      await sandboxes.load();
      onClose();
      go(links.sandbox(id));
    } catch (error) {
      setProblem(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const names = images.data.value?.map(({ name }) => name) ?? [];
  return (
    <Dialog title="New sandbox" onClose={onClose}>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label>
          Image
          <input name="image" list="image-names" required defaultValue={DEFAULT_IMAGE} spellcheck={false} />
          <datalist id="image-names">
            {names.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <div class="pair">
          <label>
            Memory
            <input name="memory" placeholder="512m" pattern="\d+[kmgKMG]?" title="A size such as 512m or 2g" />
          </label>
          <label>
            CPUs
            <input name="cpus" type="number" min="0.01" step="any" placeholder="1" />
          </label>
        </div>
        <div class="pair">
          <label>
            Processes
            <input name="pids" type="number" min="1" placeholder="256" />
          </label>
          <label>
            Ends after, in minutes
            <input name="minutes" type="number" min="1" placeholder="60" />
          </label>
        </div>
        <label>
          Hosts it may reach
          <textarea
            name="allow"
            rows={2}
            spellcheck={false}
            placeholder="none, or one host per line: api.example.org"
          />
        </label>
        <label>
          Environment
          <textarea name="env" rows={2} spellcheck={false} placeholder="NAME=value, one per line" />
        </label>
        {problem && <Problem what="It could not be made." error={problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Making it…' : 'Create'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Returns the options that were filled in. The server has defaults for the rest. */
function optionsOf(form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const number = (name: string) => (text(name) ? Number(text(name)) : undefined);
  const lines = (name: string) =>
    text(name)
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  const limits = Object.entries({ memory: text('memory') || undefined, cpus: number('cpus'), pids: number('pids') });
  const given = Object.fromEntries(limits.filter(([, value]) => value !== undefined));
  const allow = lines('allow');
  const env = environmentOf(text('env'));
  const minutes = number('minutes');
  return {
    image: text('image'),
    ...(Object.keys(given).length > 0 && { limits: given }),
    ...(allow.length > 0 && { network: { allow } }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(minutes !== undefined && { lifetimeMs: minutes * MINUTE_MS }),
  };
}
