import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import { clockSeconds } from "./moment";
import { useNow } from "./now";

/** What a failed request can tell; ApiError fits. */
export type Failure = { message: string; requestId?: string | null; status?: number | null };

/** Nothing for the first 150 ms, then the shape of what will come. */
export function Skeleton({ lines, height = 16 }: { lines: number; height?: number }) {
  return (
    <div className="skeleton" aria-busy="true" data-testid="loading">
      <span className="hidden-text">Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        <i key={line} style={{ height, width: `${96 - ((line * 17) % 30)}%` }} />
      ))}
    </div>
  );
}

export function ErrorState({ what, failure, onRetry }: { what: string; failure: Failure; onRetry: () => void }) {
  return (
    <div className="empty" role="alert" data-testid="error">
      <p>
        <strong>{what} could not be loaded:</strong> {failure.message}
      </p>
      <div className="row">
        <button className="button" onClick={onRetry}>
          Retry
        </button>
        {failure.requestId != null && (
          <span className="muted small row">
            request id <code>{failure.requestId}</code> <CopyButton text={failure.requestId} what="request id" />
          </span>
        )}
      </div>
      {failure.status === null && <p className="muted small">Check that the server is running and that this address is its own.</p>}
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty" data-testid="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

type Chip = { name: string; value: string; onRemove: () => void };

/** Filters leave nothing: they are shown as chips that can be taken off one by one. */
export function NoMatch({ what, chips, children }: { what: string; chips: readonly Chip[]; children?: ReactNode }) {
  return (
    <div className="empty" data-testid="no-match">
      <h2>No {what} match</h2>
      <div className="row">
        {chips.map(({ name, value, onRemove }) => (
          <button key={name} className="button tiny" onClick={onRemove}>
            <span className="hidden-text">Remove filter </span>
            {name}: {value} <span aria-hidden="true">✕</span>
          </button>
        ))}
      </div>
      {children}
    </div>
  );
}

/** The data is older than two ticks: the values stay, and their age is said. */
export function StaleStrip({ updatedAt, period, failure, onRetry }: { updatedAt: number; period: number; failure: Failure | null; onRetry: () => void }) {
  const now = useNow(5000);
  const age = Math.round((now - updatedAt) / 1000);
  const late = period > 0 && age > 2 * period + 2;
  if (updatedAt === 0 || (!late && failure === null)) return null;
  return (
    <div className="strip warn" role="status" data-testid="stale">
      Last update {age} s ago{failure === null ? "" : `: ${failure.message}`}
      <button className="button tiny" onClick={onRetry}>
        Retry
      </button>
    </div>
  );
}

/** "as of 10:42:10", for a reader who wonders. */
export function AsOf({ updatedAt, zone }: { updatedAt: number; zone: string }) {
  return updatedAt === 0 ? null : <span className="muted small nowrap">as of {clockSeconds(updatedAt * 1000, zone)}</span>;
}
