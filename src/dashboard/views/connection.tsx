/** Shows if the data is live. */
import { now } from '../state/clock.js';
import { connection, retryNow } from '../state/connection.js';
import { sandboxes } from '../state/store.js';
import { span } from '../text/format.js';

const WORDS = { connecting: 'Connecting', live: 'Live', broken: 'Disconnected' } as const;

export function ConnectionSign() {
  const { state } = connection.value;
  return (
    <span class={`connection ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {WORDS[state]}
    </span>
  );
}

export function ConnectionBanner() {
  const { value } = connection;
  if (value.state !== 'broken') return null;
  const { at } = sandboxes;
  const seconds = Math.max(0, Math.ceil((value.retryAt - now.value) / 1000));
  return (
    <section class="banner" aria-label="Connection">
      <p>
        <strong>No connection to the server.</strong>{' '}
        {at.value !== undefined && `What is shown is ${span(Math.max(0, now.value - at.value))} old. `}
        {seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again now.'}
      </p>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </section>
  );
}
