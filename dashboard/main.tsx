import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style/index.css";
import { startLive } from "./live.ts";
import { Shell } from "./shell.tsx";

startLive();
render(<Shell />, document.body);
