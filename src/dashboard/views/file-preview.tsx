/** Shows one file as text or as a picture. No part of it is run or rendered as a page. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { send } from '../api/http.js';
import { Hint, Loading } from '../components/problem.js';
import { type Failure, failureOf } from '../state/notices.js';
import { bytes } from '../text/format.js';
import { firstBytes, MAX_TEXT_BYTES, type Preview, previewOf } from '../text/preview.js';
import { safeLine } from '../text/safe-text.js';

interface FilePreviewProps {
  /** URL of the content. */
  url: string;
  path: string;
  download: () => void;
  close: () => void;
}

export function FilePreview({ url, path, download, close }: FilePreviewProps) {
  const [preview, setPreview] = useState<Preview>();
  const [problem, setProblem] = useState<Failure>();
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const controller = new AbortController();
    const read = async () => {
      const { body } = await send(url, { signal: controller.signal });
      const { data, more } = await firstBytes(body!);
      setPreview(previewOf(data, more));
    };
    read().catch((error) => !controller.signal.aborted && setProblem(failureOf(error)));
    box.current?.scrollIntoView({ block: 'nearest' });
    return () => controller.abort();
  }, [url]);
  const name = safeLine(path);
  return (
    <section class="preview" ref={box} aria-label={`Content of ${name}`}>
      <header>
        <h2>
          <code>
            <bdi>{name}</bdi>
          </code>
        </h2>
        <span class="actions">
          <button type="button" onClick={download}>
            Download
          </button>
          <button type="button" onClick={close}>
            Close
          </button>
        </span>
      </header>
      {problem && (
        <>
          <p class="muted">{safeLine(problem.message)}</p>
          <Hint of={problem} />
        </>
      )}
      {!preview && !problem && <Loading what="Reading the file…" />}
      {preview && <Content preview={preview} name={name} broken={() => setPreview(BROKEN)} />}
    </section>
  );
}

const BROKEN: Preview = { kind: 'none', why: 'It begins as a picture and is none. Download it to look at it.' };

function Content({ preview, name, broken }: { preview: Preview; name: string; broken: () => void }) {
  switch (preview.kind) {
    case 'none':
      return <p class="muted">{preview.why}</p>;
    case 'picture':
      return (
        <figure>
          <img class="picture" src={preview.url} alt={name} onError={broken} />
          <figcaption class="muted">
            {preview.width} × {preview.height} pixels
          </figcaption>
        </figure>
      );
    case 'text':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be reachable with the keyboard
        <section class="output" tabIndex={0} aria-label={name}>
          <pre>{preview.text || 'The file is empty.'}</pre>
          {preview.cut && <p class="omitted">Only the first {bytes(MAX_TEXT_BYTES)} are shown.</p>}
        </section>
      );
  }
}
