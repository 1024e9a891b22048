/**
 * Recognizes pictures that may be shown. Only formats with nothing but pixels count, by their first bytes, not by their
 * names. SVG is markup and is shown as text.
 */

/** Maximum size of a file that is shown as a picture. */
export const MAX_PICTURE_BYTES = 4 * 1024 * 1024;
/** Maximum number of pixels. The browser needs four bytes of memory for each, and a small file can claim any number. */
export const MAX_PICTURE_PIXELS = 32 * 1024 * 1024;

interface Picture {
  type: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';
  /** Width in pixels. */
  width: number;
  height: number;
}

/** Returns the type of a picture; undefined if `data` is not a picture. */
export function pictureTypeOf(data: Uint8Array): Picture['type'] | undefined {
  const at = (offset: number, text: string) =>
    data.length >= offset + text.length &&
    [...text].every((letter, index) => data[offset + index] === letter.charCodeAt(0));
  if (at(0, '\x89PNG\r\n\x1a\n')) return 'image/png';
  if (at(0, '\xff\xd8\xff')) return 'image/jpeg';
  if (at(0, 'GIF87a') || at(0, 'GIF89a')) return 'image/gif';
  if (at(0, 'RIFF') && at(8, 'WEBP')) return 'image/webp';
  return undefined;
}

/** Reads type and size from the header; `undefined` if either is missing. */
export function pictureOf(data: Uint8Array): Picture | undefined {
  const type = pictureTypeOf(data);
  if (!type) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  try {
    const [width, height] = SIZES[type](view);
    return width > 0 && height > 0 ? { type, width, height } : undefined;
  } catch (error) {
    // The header is cut off.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

type Size = [width: number, height: number];
const NONE: Size = [0, 0];
const LITTLE = true;

// PNG: https://www.w3.org/TR/png/#11IHDR; GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, 18; JPEG: ITU-T T.81, B.2.2;
// WebP: RFC 9649, 2.5 to 2.7.
const SIZES: Record<Picture['type'], (view: DataView) => Size> = {
  'image/png': (view) => [view.getUint32(16), view.getUint32(20)],
  'image/gif': (view) => [view.getUint16(6, LITTLE), view.getUint16(8, LITTLE)],
  'image/jpeg': jpegSize,
  'image/webp': webpSize,
};

/** Reads the first frame header, and skips the segments before it by their lengths. */
function jpegSize(view: DataView): Size {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    // Markers C0 to CF are frame headers, except these three: tables, an extension, and arithmetic conditioning.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
    // FF is a fill byte, which may precede a marker.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return NONE;
}

function webpSize(view: DataView): Size {
  const low24 = (at: number) => view.getUint16(at, LITTLE) + view.getUint8(at + 2) * 0x1_0000;
  switch (view.getUint32(12)) {
    // 'VP8X'
    case 0x5650_3858:
      return [low24(24) + 1, low24(27) + 1];
    // 'VP8L'
    case 0x5650_384c: {
      const bits = view.getUint32(21, LITTLE);
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    }
    // 'VP8 '
    case 0x5650_3820:
      return [view.getUint16(26, LITTLE) & 0x3fff, view.getUint16(28, LITTLE) & 0x3fff];
    default:
      return NONE;
  }
}

const PIECE = 32 * 1024;

/** Returns the picture as a data URL, because the policy of the page allows only those for pictures. */
export function dataUrl(type: Picture['type'], data: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < data.length; at += PIECE) {
    binary += String.fromCharCode(...data.subarray(at, at + PIECE));
  }
  return `data:${type};base64,${btoa(binary)}`;
}
