/** The page of verbs: which command fits which state, from the table that the kernel decides by. */
import { type TaskCommandName, TRANSITIONS } from '../../kernel/run/transitions.ts';
import { cell } from './schema-table.ts';

const VERBS: Readonly<Record<TaskCommandName, string>> = {
  HoldTask: 'hold',
  ReleaseTask: 'release',
  SkipTask: 'skip',
  ForceTask: 'force',
  RerunTask: 'rerun',
  SteerTask: 'steer',
  DecideApproval: 'approve, reject',
};

const COMMANDS = Object.keys(VERBS).filter(isCommand);

function isCommand(name: string): name is TaskCommandName {
  return name in VERBS;
}

export function verbsPage(): string[] {
  const titles = COMMANDS.map((command) => VERBS[command]);
  const rows = Object.entries(TRANSITIONS).map(([status, cells]) => {
    const marks = COMMANDS.map((command) => (cells[command] === 'yes' ? 'yes' : ''));
    return `| \`${status}\` | ${marks.join(' | ')} |`;
  });
  const reasons = COMMANDS.map((command) => {
    const said = Object.values(TRANSITIONS).map((cells) => cells[command]);
    const noes = [...new Set(said)].filter((one) => one !== 'yes').map((one) => one.slice(4));
    return `| ${VERBS[command]} | ${cell(noes.join(' · '))} |`;
  });
  return [
    '# Verbs and states',
    '',
    'Which verb a task takes in which state. A switch is steered rather than skipped or forced, and only a switch can be steered;',
    'an ended run is restarted first, unless the command repairs what failed in it.',
    '',
    `| A task that is | ${titles.join(' | ')} |`,
    `|---|${'---|'.repeat(titles.length)}`,
    ...rows,
    '',
    'Where the cell is empty, the answer is one of these:',
    '',
    '| Verb | Refused because |',
    '|---|---|',
    ...reasons,
  ];
}
