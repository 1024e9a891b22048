/** Receipts: the resources of closed sandboxes that were removed and verified absent. */
import type { ReceiptView } from '../api/types.js';
import { Badge } from '../components/badge.js';
import { Empty, Loading, Problem } from '../components/problem.js';
import { isCleanReceipt } from '../state/clean-receipt.js';
import { receipts } from '../state/store.js';
import { clockTime, duration } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';

export function Receipts() {
  const { data, error } = receipts;
  const list = data.value;
  return (
    <>
      <header class="view-head">
        <h1>Receipts</h1>
        <p class="muted">Receipts of closed sandboxes: the resources that were removed and verified absent.</p>
      </header>
      {error.value && <Problem what="The receipts cannot be read." error={error.value} retry={receipts.load} />}
      {!list && !error.value && <Loading what="Reading the receipts…" />}
      {list && list.length === 0 && (
        <Empty title="No receipt yet.">
          <p>When a sandbox is closed, its receipt appears here.</p>
        </Empty>
      )}
      {list && list.length > 0 && <ReceiptTable receipts={list} />}
    </>
  );
}

export function ReceiptTable({ receipts: list }: { receipts: readonly ReceiptView[] }) {
  const timed = list.some(({ at }) => at !== undefined);
  return (
    <table class="rows receipts">
      <thead>
        <tr>
          <th scope="col">Sandbox</th>
          <th scope="col">Verdict</th>
          <th scope="col">Container</th>
          <th scope="col">Directory</th>
          <th scope="col" class="figure">
            Killed
          </th>
          <th scope="col" class="figure">
            Took
          </th>
          {timed && (
            <th scope="col" class="figure">
              At
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {list.map((receipt) => (
          <Row key={receipt.sandbox} receipt={receipt} timed={timed} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ receipt, timed }: { receipt: ReceiptView; timed: boolean }) {
  const { sandbox, container, directory, commandsKilled, durationMs, errors, at, reuse } = receipt;
  const clean = isCleanReceipt(receipt);
  return (
    <tr>
      <th scope="row">
        <code>{safeLine(sandbox)}</code>
      </th>
      <td data-label="Verdict">
        <Badge state={clean ? 'passed' : 'failed'}>{clean ? 'nothing left' : 'look at it'}</Badge>
        {errors.map((error) => (
          <p key={error} class="bad">
            {safeLine(error)}
          </p>
        ))}
      </td>
      <td data-label="Container">
        <code>{safeLine(container.name)}</code>{' '}
        {reuse?.recycled ? (
          <span class="ended">reset for the next task</span>
        ) : (
          <Absent is={container.verifiedAbsent} />
        )}
      </td>
      <td data-label="Directory">
        <code title={safeLine(directory.path)}>…/{safeLine(directory.path.split('/').at(-1))}</code>{' '}
        <Absent is={directory.verifiedAbsent} />
      </td>
      <td data-label="Killed" class="figure">
        {commandsKilled}
      </td>
      <td data-label="Took" class="figure">
        {duration(durationMs)}
      </td>
      {timed && (
        <td data-label="At" class="figure">
          {at === undefined ? '–' : clockTime(at)}
        </td>
      )}
    </tr>
  );
}

const Absent = ({ is }: { is: boolean }) => (
  <span class={is ? 'ended' : 'ended bad'}>{is ? 'absent' : 'not verified'}</span>
);
