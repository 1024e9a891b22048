/** A bar that shows the used share of a limit. */
export function Gauge({ value, max, label }: { value: number; max: number; label: string }) {
  const share = Math.min(1, value / max);
  return (
    <svg
      class={share > 0.9 ? 'gauge full' : 'gauge'}
      viewBox="0 0 64 4"
      width="64"
      height="4"
      role="img"
      aria-label={label}
    >
      <rect class="track" width="64" height="4" rx="2" />
      <rect class="fill" width={Math.max(share * 64, value > 0 ? 2 : 0)} height="4" rx="2" />
    </svg>
  );
}
