import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../components/problem.js';
import { type Failure, failureOf } from '../state/notices.js';
import type { OpenTerminal } from '../terminal/terminal.js';

export function TerminalTab({ sandbox }: { sandbox: string }) {
  const box = useRef<HTMLDivElement>(null);
  const again = useRef<HTMLButtonElement>(null);
  const [session, setSession] = useState(1);
  const [state, setState] = useState<'loading' | 'open' | 'ended'>('loading');
  const [problem, setProblem] = useState<Failure>();
  useEffect(() => {
    let terminal: OpenTerminal | undefined;
    let gone = false;
    setState('loading');
    import('../terminal/terminal.js').then(
      ({ openTerminal }) => {
        if (gone) return;
        terminal = openTerminal(box.current!, {
          sandbox,
          onEnd: () => setState('ended'),
          onLeave: () => again.current?.focus(),
        });
        setState('open');
        terminal.focus();
      },
      (error) => setProblem(failureOf(error)),
    );
    return () => {
      gone = true;
      terminal?.close();
    };
  }, [sandbox, session]);
  return (
    <div class="terminal-tab">
      {problem && <Problem what="The terminal could not be loaded." error={problem} />}
      <div class="terminal-box" ref={box} />
      <footer>
        <p class="muted">
          {state === 'loading' && 'Opening a shell…'}
          {state === 'open' && (
            <>
              Leaving this page ends the shell. <kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>Esc</kbd> leaves the terminal with
              the keyboard.
            </>
          )}
          {state === 'ended' && 'The shell has ended.'}
        </p>
        <button type="button" ref={again} onClick={() => setSession(session + 1)}>
          New shell
        </button>
      </footer>
    </div>
  );
}
