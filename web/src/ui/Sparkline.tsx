/** A tiny bar chart of counts; an unmeasured slot leaves a gap. Decoration beside a number that says the same. */
export function Sparkline({ values }: { values: readonly (number | null)[] }) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const width = 60 / Math.max(1, values.length);
  return (
    <svg width="60" height="18" viewBox="0 0 60 18" aria-hidden="true" className="sparkline">
      {values.map((value, slot) =>
        value === null || value === 0 ? null : (
          <rect key={slot} x={slot * width} width={Math.max(1, width - 0.5)} y={18 - (value / top) * 17} height={(value / top) * 17} fill="var(--s-2xx)" />
        ),
      )}
    </svg>
  );
}
