/** Opens a page that a sandbox serves, in a new tab. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api/http.js';
import { attempt } from '../state/notices.js';

interface Preview {
  port: number;
  path: string;
}

export function PortPreview({ sandbox }: { sandbox: string }) {
  const [preview, setPreview] = useState<Preview>();
  const link = useRef<HTMLAnchorElement>(null);
  // Focus the link, so that Enter opens it: the browser would block a tab that opened by itself as a pop-up.
  useEffect(() => link.current?.focus(), [preview]);
  const onSubmit = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const port = Number(new FormData(event.currentTarget).get('port'));
    void attempt('The port has no preview', async () => {
      setPreview(await post<Preview>(`/v1/sandboxes/${encodeURIComponent(sandbox)}/previews`, { port }));
    });
  };
  return (
    <form class="joined" onSubmit={onSubmit}>
      <input name="port" type="number" min="1" max="65535" required placeholder="Port" aria-label="Port to preview" />
      <button type="submit">Preview</button>
      {preview && (
        <a ref={link} class="button" href={preview.path} target="_blank" rel="noopener noreferrer">
          Open port {preview.port}
        </a>
      )}
    </form>
  );
}
