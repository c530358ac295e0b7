import { useState } from "react";
import { Icon, Popover, useShortcuts } from "../../ui";
import { PRESETS, type Range, shift, zoomOut } from "../../url";
import { CustomRange } from "./CustomRange";
import { lengthLabel, rangeLabel } from "./label";
import { ZonePicker } from "./ZonePicker";

type Props = {
  range: Range;
  zone: string;
  onRangeSelected: (range: Range) => void;
  onZoneSelected: (zone: string) => void;
};

function Presets({ range, onRangeSelected }: Pick<Props, "range" | "onRangeSelected">) {
  return (
    <div className="presets" role="group" aria-label="Ranges up to now">
      {PRESETS.map((seconds) => {
        const on = range.kind === "last" && range.seconds === seconds;
        return (
          <button key={seconds} type="button" className="button tiny" aria-pressed={on} onClick={() => onRangeSelected({ kind: "last", seconds })} data-testid={`preset-${seconds}`}>
            {lengthLabel(seconds)}
          </button>
        );
      })}
    </div>
  );
}

/** The range of the whole page: presets, custom fields, a step back or forward, twice as long. */
export function TimeControl({ range, zone, onRangeSelected, onZoneSelected }: Props) {
  const [open, setOpen] = useState(false);
  const choose = (next: Range): void => {
    setOpen(false);
    onRangeSelected(next);
  };
  const move = (by: -1 | 1): void => onRangeSelected(shift(range, by, Date.now()));
  const widen = (): void => onRangeSelected(zoomOut(range, Date.now()));
  useShortcuts({ t: () => setOpen(true), ",": () => move(-1), ".": () => move(1), z: widen });
  const trigger = (
    <button type="button" className="button range-button" data-testid="range">
      <span className="clip">{rangeLabel(range, zone)}</span> <Icon name="down" />
    </button>
  );
  return (
    <div className="row no-wrap">
      <div className="joined">
        <button type="button" className="button icon" onClick={() => move(-1)} title="Half a window earlier (,)" data-testid="range-earlier"><Icon name="left" /><span className="hidden-text">Earlier</span></button>
        <Popover trigger={trigger} label="Time range" open={open} onOpenChange={setOpen}>
          <div className="range-popover">
            <Presets range={range} onRangeSelected={choose} />
            <CustomRange key={rangeLabel(range, zone)} range={range} zone={zone} onRangeSelected={choose} />
            <ZonePicker zone={zone} onZoneSelected={onZoneSelected} />
          </div>
        </Popover>
        <button type="button" className="button icon" onClick={() => move(1)} disabled={range.kind === "last"} title="Half a window later (.)" data-testid="range-later"><Icon name="right" /><span className="hidden-text">Later</span></button>
        <button type="button" className="button icon" onClick={widen} title="Twice as long (z)" data-testid="range-widen"><Icon name="zoomOut" /><span className="hidden-text">Zoom out</span></button>
      </div>
      {range.kind === "fixed" && (
        <button type="button" className="button" onClick={() => onRangeSelected({ kind: "last", seconds: Math.round((range.toMs - range.fromMs) / 1000) })} data-testid="range-now">now</button>
      )}
    </div>
  );
}
