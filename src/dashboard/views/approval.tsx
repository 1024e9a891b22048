/** A commit that waits for an approval: its changes on the host, and the buttons for the answer. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { get, post } from '../api/http.js';
import type { PendingApproval } from '../api/types.js';
import { DiffView } from '../components/diff-view.js';
import { Loading, Problem } from '../components/problem.js';
import { attempt } from '../state/notices.js';
import { resource } from '../state/resource.js';
import { tasks } from '../state/store.js';
import { plural } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';

export function Approval({ id }: { id: string }) {
  const url = `/v1/tasks/${encodeURIComponent(id)}/approval`;
  const approval = useMemo(() => resource(() => get<PendingApproval>(url)), [url]);
  useEffect(() => void approval.load(), [approval]);
  const { data, error } = approval;
  if (error.value)
    return <Problem what="The commit that waits cannot be read." error={error.value} retry={approval.load} />;
  if (!data.value) return <Loading what="Reading what would be committed…" />;
  return <Decide url={url} approval={data.value} />;
}

function Decide({ url, approval }: { url: string; approval: PendingApproval }) {
  const { branch, target, changes, withSeed, flagged, diff } = approval;
  const [allowed, setAllowed] = useState<ReadonlySet<string>>(new Set());
  const [feedback, setFeedback] = useState('');
  const [busy, setBusy] = useState(false);
  const blocked = flagged.some(({ path }) => !allowed.has(path));
  const answer = async (approve: boolean) => {
    setBusy(true);
    await attempt('The answer could not be given', async () => {
      await post(url, {
        approve,
        ...(approve && allowed.size > 0 && { allow: [...allowed].map(asPattern) }),
        ...(!approve && feedback.trim() && { reason: feedback.trim() }),
      });
      await tasks.load();
    });
    setBusy(false);
  };
  return (
    <section class="approval" aria-labelledby="approval-title">
      <header>
        <h2 id="approval-title">Commit branch {branch}?</h2>
        <p>
          {plural(changes.length, 'change')} to <code>{safeLine(target)}</code> on the host
          {withSeed && ', which is empty and receives the files of the seed, too'}. Nothing is written before you
          approve.
        </p>
      </header>
      {flagged.length > 0 && (
        <fieldset class="flagged">
          <legend>These can run programs on your machine</legend>
          <p>They are written only when you tick them.</p>
          {flagged.map(({ path, reason }) => (
            <label key={path} class="check">
              <input
                type="checkbox"
                checked={allowed.has(path)}
                onChange={(event) => {
                  const next = new Set(allowed);
                  if (event.currentTarget.checked) next.add(path);
                  else next.delete(path);
                  setAllowed(next);
                }}
              />
              <code>
                <bdi>{safeLine(path)}</bdi>
              </code>
              <span class="muted">{safeLine(reason)}</span>
            </label>
          ))}
        </fieldset>
      )}
      <DiffView diff={diff} />
      <div class="answer">
        <button type="button" class="approve" disabled={busy} onClick={() => void answer(true)}>
          Approve and write
        </button>
        {blocked && <p class="muted">Without the ticks the whole commit is refused.</p>}
        <span class="joined grow">
          <input
            aria-label="Why not, for the next iteration"
            placeholder="Why not, for the next iteration"
            value={feedback}
            onInput={(event) => setFeedback(event.currentTarget.value)}
          />
          <button type="button" class="danger" disabled={busy} onClick={() => void answer(false)}>
            Reject
          </button>
        </span>
      </div>
    </section>
  );
}

/** Returns a pattern in .gitignore syntax that matches only this path. */
const asPattern = (path: string): string => `/${path.replace(/[\\*?[\]!# ]/g, '\\$&')}`;
