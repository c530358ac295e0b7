import type { Timeline } from "../../api";
import { duration, Panel } from "../../ui";
import { lookOf } from "./replicaStates";

/** How long replicas took to become ready, phase by phase. */
export function StartupTable({ startup }: { startup: Timeline["startup"] }) {
  const { n, phases } = startup;
  return (
    <Panel title="Start-up" subtitle={n === 0 ? "no replica started in this range" : `${n} started in this range`} testId="startup">
      {n === 0 ? (
        <p className="muted">When a replica starts, the time of each phase is counted here.</p>
      ) : (
        <div className="scroll-x">
          <table>
            <thead>
              <tr>
                <th scope="col">Phase</th>
                <th scope="col" className="number">n</th>
                <th scope="col" className="number">p50</th>
                <th scope="col" className="number">p95</th>
                <th scope="col" className="number">max</th>
              </tr>
            </thead>
            <tbody>
              {phases.map((phase) => (
                <tr key={phase.status}>
                  <th scope="row">{lookOf(phase.status).word}</th>
                  <td className="number">{phase.n ?? n}</td>
                  <td className="number">{duration(phase.p50_s)}</td>
                  <td className="number">{duration(phase.p95_s)}</td>
                  <td className="number">{duration(phase.max_s)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
