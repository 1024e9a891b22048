/** Charts as SVG, by Apache ECharts; each for a light and for a dark page. */
import * as echarts from 'echarts';
import { digits } from './report.mjs';

export const THEMES = {
  light: { ours: '#0969da', theirs: '#afb8c1', text: '#1f2328', faint: '#59636e', grid: '#d1d9e0' },
  dark: { ours: '#4493f8', theirs: '#656c76', text: '#f0f6fc', faint: '#9198a1', grid: '#3d444d' },
};
// Okabe and Ito's colours after ours, which stay apart for colour-blind eyes and on either background.
const OTHER_LINES = ['#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'];
const WIDTH = 760;
const BAR_PX = 30;
/** Average width of a character in the labels' font. */
const CHARACTER_PX = 7.3;
// In an attribute that ECharts puts into double quotes without escaping any.
const FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif";

const isOurs = (name) => name.toLowerCase().startsWith('ripcord');

/**
 * @param {object} chart as `Report` keeps it
 * @param {keyof typeof THEMES} theme
 * @returns {string} SVG
 */
export function drawChart(chart, theme) {
  const colours = THEMES[theme];
  const [height, option] = chart.kind === 'bars' ? bars(chart, colours) : lines(chart, colours);
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    drawing.setOption({ animation: false, textStyle: { fontFamily: FONT }, title: title(chart, colours), ...option });
    return drawing.renderToSVGString();
  } finally {
    drawing.dispose();
  }
}

function title(chart, { text }) {
  return {
    text: chart.title,
    left: 0,
    top: 0,
    textStyle: { color: text, fontSize: 15, fontWeight: 600, fontFamily: FONT },
  };
}

function bars(chart, { ours, theirs, text }) {
  const sorted = [...chart.bars].sort((a, b) => a.value - b.value);
  if (chart.largestFirst) sorted.reverse();
  const left = 12 + Math.max(...sorted.map(({ name }) => name.length)) * CHARACTER_PX;
  const option = {
    grid: { left, right: 90, top: 36, bottom: 4 },
    xAxis: { type: 'value', show: false },
    yAxis: {
      type: 'category',
      inverse: true,
      data: sorted.map(({ name }) => name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: text, fontSize: 13, interval: 0 },
    },
    series: [
      {
        type: 'bar',
        barWidth: BAR_PX * 0.6,
        data: sorted.map(({ name, value }) => ({
          value,
          itemStyle: { color: isOurs(name) ? ours : theirs, borderRadius: [0, 3, 3, 0] },
          label: { fontWeight: isOurs(name) ? 600 : 400 },
        })),
        label: {
          show: true,
          position: 'right',
          color: text,
          fontSize: 13,
          formatter: ({ value }) => `${digits(value)} ${chart.unit}`,
        },
      },
    ],
  };
  return [44 + sorted.length * BAR_PX, option];
}

function lines(chart, { ours, text, faint, grid }) {
  const others = chart.lines.filter(({ name }) => !isOurs(name)).map(({ name }) => name);
  const single = chart.lines.length === 1;
  const colour = (name) => (single || isOurs(name) ? ours : OTHER_LINES[others.indexOf(name) % OTHER_LINES.length]);
  const axis = { nameTextStyle: { color: faint, fontSize: 12 }, axisLabel: { color: faint, fontSize: 12 } };
  const option = {
    grid: { left: 56, right: 190, top: 60, bottom: 44 },
    xAxis: {
      type: 'category',
      boundaryGap: false,
      name: chart.xName,
      nameLocation: 'middle',
      nameGap: 28,
      data: chart.x.map(String),
      axisLine: { lineStyle: { color: faint } },
      axisTick: { show: false },
      ...axis,
    },
    yAxis: {
      type: 'value',
      name: chart.unit,
      min: 0,
      nameLocation: 'end',
      splitLine: { lineStyle: { color: grid } },
      ...axis,
      nameTextStyle: { color: faint, fontSize: 12, align: 'right' },
    },
    series: chart.lines.map(({ name, values }) => ({
      type: 'line',
      name,
      data: values,
      symbol: 'circle',
      symbolSize: 7,
      color: colour(name),
      lineStyle: { width: isOurs(name) || single ? 3 : 2 },
      endLabel: { show: true, formatter: '{a}', color: text, fontSize: 13, width: 175, overflow: 'break' },
      labelLayout: { moveOverlap: 'shiftY' },
    })),
  };
  return [300, option];
}
