/** Shows streaming output. Scrolls along while the reader is at its end. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { plural } from '../text/format.js';
import type { OutputLog } from '../text/output-log.js';

const NEAR_END_PX = 24;

export function Output({ log, label, empty }: { log: OutputLog; label: string; empty: string }) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be reachable with the keyboard
    <div class="output" ref={box} onScroll={onScroll} role="log" aria-label={label} tabIndex={0}>
      {log.omitted > 0 && <p class="omitted">{plural(log.omitted, 'earlier character')} not shown</p>}
      {log.isEmpty ? (
        <p class="omitted">{empty}</p>
      ) : (
        <pre>
          {log.blocks.map(({ id, channel, text }) => (
            <span key={id} class={channel}>
              {text}
            </span>
          ))}
        </pre>
      )}
    </div>
  );
}
