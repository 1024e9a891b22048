import colours from 'yoctocolors';

type Paint = Pick<typeof colours, 'red' | 'green' | 'yellow' | 'dim' | 'bold'>;

const same = (text: string | number) => String(text);
const PLAIN: Paint = { red: same, green: same, yellow: same, dim: same, bold: same };

/** Returns colour functions. They change nothing if `stream` is not a terminal with colours, or if NO_COLOR is set. */
export function paint(stream: NodeJS.WriteStream): Paint {
  return stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb' ? colours : PLAIN;
}
