import { signOut, token } from '../api/token.js';
import { Dialog } from '../components/dialog.js';
import { letterKeys, SHORTCUTS, setLetterKeys } from '../state/shortcuts.js';

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {SHORTCUTS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={letterKeys.value}
          onChange={(event) => setLetterKeys(event.currentTarget.checked)}
        />
        Keys of a single letter
      </label>
      <footer>
        <button type="button" onClick={onClose}>
          Close
        </button>
        <a href="/docs" target="_blank" rel="noreferrer">
          The API
        </a>
        {token.value !== undefined && (
          <button
            type="button"
            onClick={() => {
              onClose();
              signOut();
            }}
          >
            Sign out
          </button>
        )}
      </footer>
    </Dialog>
  );
}
