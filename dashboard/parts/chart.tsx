import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { now, useNow } from "../clock.ts";
import { stamp } from "../format.ts";
import { useTheme } from "../theme-choice.ts";

export interface Line {
  readonly label: string;
  /** The name of a colour in the style sheet. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFaint?: boolean;
  readonly isFilled?: boolean;
}

interface Props {
  readonly title: string;
  /** Instants, in milliseconds. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Whether values are whole numbers, so that the axis has no fractions. */
  readonly isWhole?: boolean;
}

const HEIGHT = 150;
/** The room for the values of the y axis. */
const AXIS_WIDTH = 52;
/** At least the width of a label of the time axis. */
const TIME_WIDTH = 56;
/** How long the latest values count as current: while the server or its backend is unreachable, no new ones arrive. */
const FRESH_MS = 10_000;
/** The shortest range of the time axis, in seconds. The first points are at its end. */
const SHORTEST = 60;
/** Distances between grid lines: 1, 2, 5, 10, … */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** A line chart over time, with the values at the cursor, or else the latest ones. */
export function Chart({ title, at, lines, format, isWhole = false }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = useTheme();
  const [index, setIndex] = useState<number | null>(null);
  const formatting = useRef(format);
  formatting.current = format;

  const data = [at.map((each) => each / 1_000), ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const shape = lines.map(({ label, colour }) => label + colour).join();

  useEffect(() => {
    const parent = place.current;
    if (parent === null) return undefined;
    const style = getComputedStyle(parent);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      stroke: colour("muted"),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      gap: 4,
    };
    const options: uPlot.Options = {
      width: parent.clientWidth,
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { range: ({ data: [times] }) => spanOf(times) },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      axes: [
        { ...axis, space: 70, size: 28, gap: 8, grid: { show: false }, values: timeLabels },
        {
          ...axis,
          size: AXIS_WIDTH,
          space: 32,
          ...(isWhole && { incrs: WHOLE }),
          values: (_, splits) => splits.map((value) => formatting.current(value)),
        },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: line.isFaint === true ? 1 : 1.75,
          ...(line.isFaint === true && { dash: [4, 3] }),
          ...(line.isFilled === true && { fill: `${colour(line.colour)}22` }),
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [({ cursor }) => setIndex(cursor.idx ?? null)] },
    };
    const made = new uPlot(options, data, parent);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height: HEIGHT }));
    resized.observe(parent);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme, shape]);

  useEffect(() => plot.current?.setData(data), [at, lines]);

  const time = useNow();
  const shown = index !== null && index < at.length ? index : at.length - 1;
  const shownAt = at[shown];
  const isNow = index === null && (shownAt === undefined || time - shownAt < FRESH_MS);
  const valueText = (line: Line) => {
    const value = line.values[shown];
    return value === null || value === undefined ? "–" : format(value);
  };
  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map((line) => (
            <li key={line.label} class={line.isFaint === true ? "is-faint" : ""}>
              <span class={`swatch is-${line.colour}`} aria-hidden="true" />
              {line.label} <b>{valueText(line)}</b>
            </li>
          ))}
          <li class="chart-at">{isNow || shownAt === undefined ? "now" : timeOfDay(shownAt)}</li>
        </ul>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
    </figure>
  );
}

/** From the first point to the last, at least `SHORTEST`: for a single point, uPlot would show a day. */
function spanOf(times: ArrayLike<number>): [from: number, to: number] {
  const to = times[times.length - 1] ?? now() / 1_000;
  return [Math.min(times[0] ?? to, to - SHORTEST), to];
}

/** The time of day is enough, since charts show recent data. A label that the edge would cut is left out. */
const timeLabels: uPlot.Axis.DynamicValues = (plot, splits, _axis, _space, increment) =>
  splits.map((at) => {
    const end = AXIS_WIDTH + plot.valToPos(at, "x") + TIME_WIDTH / 2;
    return end > plot.width ? "" : timeOfDay(at * 1_000).slice(0, increment < 60 ? 8 : 5);
  });

/** 14:05:09 */
const timeOfDay = (at: number): string => stamp(at).slice(11, 19);
