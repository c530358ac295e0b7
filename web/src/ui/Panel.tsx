import { type ReactNode, useId } from "react";

type Props = { title: string; subtitle?: ReactNode; actions?: ReactNode; children: ReactNode; testId?: string };

export function Panel({ title, subtitle, actions, children, testId }: Props) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id} data-testid={testId}>
      <header>
        <h2 id={id}>{title}</h2>
        <span className="muted small grow clip">{subtitle}</span>
        {actions}
      </header>
      {children}
    </section>
  );
}
