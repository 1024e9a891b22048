/** Parses the server name of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3). */

/** Maximum length: one record (RFC 8446 §5.1). Typical ones have 200 to 2,000 bytes. */
const MAX_RECORD = 16_384;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
/** Extension encrypted_client_hello (RFC 9849): with it the visible name is not the real one. */
const ECH = 0xfe0d;

type ClientHello =
  | { kind: 'incomplete' }
  | { kind: 'not-tls'; why: string }
  | { kind: 'hello'; serverName: string | undefined; encrypted: boolean };

const bad = (why: string): ClientHello => ({ kind: 'not-tls', why });

/** Returns true if these bytes may be the beginning of a TLS handshake. */
export const looksLikeTls = (bytes: Buffer): boolean => bytes[0] === HANDSHAKE;

/**
 * Parses a ClientHello. One that is split over several records is refused: TLS allows that, but in practice only
 * attempts to hide the name do it.
 * @param bytes all bytes received so far
 */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return bad('it does not begin with a TLS handshake');
  if (bytes.length < 5) return { kind: 'incomplete' };
  if (bytes[1] !== 3) return bad('unknown TLS version');
  const length = bytes.readUInt16BE(3);
  if (length > MAX_RECORD || length < 4) return bad('a TLS record of impossible length');
  if (bytes.length < 5 + length) return { kind: 'incomplete' };
  try {
    return parse(new Bytes(bytes.subarray(5, 5 + length)));
  } catch (error) {
    if (error instanceof RangeError) return bad('a ClientHello that is cut short');
    throw error;
  }
}

function parse(record: Bytes): ClientHello {
  if (record.take(1) !== CLIENT_HELLO) return bad('it does not begin with a ClientHello');
  const size = record.take(3);
  if (size !== record.left) return bad('the ClientHello is not exactly one record');
  record.skip(2 + 32);
  record.skip(record.take(1)); // session id
  record.skip(record.take(2)); // cipher suites
  record.skip(record.take(1)); // compression
  let serverName: string | undefined;
  let encrypted = false;
  const seen = new Set<number>();
  const extensions = record.left === 0 ? record : record.part(record.take(2));
  if (record.left > 0) return bad('bytes behind the extensions');
  while (extensions.left > 0) {
    const type = extensions.take(2);
    const body = extensions.part(extensions.take(2));
    if (seen.has(type)) return bad(`extension ${type} comes twice`);
    seen.add(type);
    if (type === ECH) encrypted = true;
    if (type !== SERVER_NAME) continue;
    const names = body.part(body.take(2));
    // Require exactly one entry, of type host_name: with several, each side could use another one.
    if (names.take(1) !== 0) return bad('an unknown type of server name');
    serverName = names.part(names.take(2)).text();
    if (names.left > 0 || body.left > 0) return bad('more than one server name');
  }
  return { kind: 'hello', serverName, encrypted };
}

/** Reads bytes in order. Throws a RangeError at the end, as Buffer's own methods do. */
class Bytes {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }
  get left(): number {
    return this.#buffer.length - this.#at;
  }
  take(bytes: 1 | 2 | 3): number {
    const value = this.#buffer.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return value;
  }
  skip(bytes: number): void {
    this.part(bytes);
  }
  part(bytes: number): Bytes {
    if (bytes > this.left) throw new RangeError('too short');
    this.#at += bytes;
    return new Bytes(this.#buffer.subarray(this.#at - bytes, this.#at));
  }
  text(): string {
    return this.#buffer.toString('latin1', this.#at);
  }
}
