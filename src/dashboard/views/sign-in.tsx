/** Form for the token. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from '../api/token.js';

export function SignIn({ again }: { again: boolean }) {
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = text.trim();
          if (given) signIn(given);
        }}
      >
        <svg viewBox="0 0 32 32" width="36" height="36" aria-hidden="true">
          <path d="M16 3v9" />
          <circle cx="16" cy="20" r="8" />
        </svg>
        <h1>Ripcord</h1>
        {again && (
          <p class="problem" role="alert">
            The server does not accept this token.
          </p>
        )}
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          aria-describedby="token-hint"
        />
        <p id="token-hint" class="muted">
          <code>ripcord serve</code> printed it, and names the file it keeps it in. It stays in this tab, and is gone
          when the tab is closed.
        </p>
        <button type="submit" class="primary">
          Open the dashboard
        </button>
      </form>
    </main>
  );
}
