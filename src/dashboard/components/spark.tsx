/** CPU use over the last minute as a sparkline. The figure beside it is the text alternative. */
const WIDTH = 64;
const HEIGHT = 18;

export function Spark({ values }: { values: readonly number[] }) {
  const top = Math.max(100, ...values);
  const step = WIDTH / 29;
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`,
  );
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      {values.length > 1 && <polyline points={points.join(' ')} />}
    </svg>
  );
}
