const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = ["UTC", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Europe/Athens", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney"];

/** Zone of every time on the page: the browser's, UTC, or a named one. */
export function ZonePicker({ zone, onZoneSelected }: { zone: string; onZoneSelected: (zone: string) => void }) {
  const choices = [...new Set([browserZone, ...ZONES, zone])];
  return (
    <label className="labelled">
      Time zone
      <select className="field" value={zone} onChange={(event) => onZoneSelected(event.target.value)} data-testid="zone">
        {choices.map((each) => (
          <option key={each} value={each}>
            {each}{each === browserZone ? " (this browser)" : ""}
          </option>
        ))}
      </select>
    </label>
  );
}
