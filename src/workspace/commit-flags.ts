/**
 * Which changes make programs run on the host *without anybody asking for it*: by entering a directory, opening it in
 * an editor or an agent, a git command, an installation, a shell or interpreter starting, a push. Such files are written
 * only when they are allowed by name.
 *
 * Not flagged is what runs when a person runs the project itself: sources, tests, `Makefile`, `conftest.py`,
 * `pyproject.toml`, `Dockerfile`, linter configurations. A sandbox's work is of no use without running it, and a list
 * that is always full is never read.
 */
import { becomesExecutable } from './commit-mode.js';
import type { Change } from './diff.js';
import { foldedName } from './path-rules.js';

export const FLAG_RULES = [
  'git',
  'git-hooks',
  'shell',
  'editor',
  'agent',
  'ci',
  'package-manager',
  'package-scripts',
  'interpreter',
  'desktop',
  'credentials',
  'executable',
] as const;

/** Names a kind of danger in `allowRules`. */
export type FlagRule = (typeof FLAG_RULES)[number];

export interface Flagged {
  path: string;
  rule: FlagRule;
  reason: string;
}

interface NameRule {
  rule: FlagRule;
  reason: string;
  /** Of a file or directory at any depth; everything below such a directory counts. Lower case. */
  names?: readonly string[];
  /** Ends of paths at any depth, likewise. */
  paths?: readonly string[];
  /** Ends of names. */
  endings?: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const NAME_RULES: readonly NameRule[] = [
  {
    rule: 'git',
    reason: 'git takes commands from it',
    names: words('.git .gitattributes .gitmodules .gitconfig .lfsconfig git~1'),
    paths: words('.config/git'),
  },
  {
    rule: 'git-hooks',
    reason: 'runs at git commands',
    names: words(`.husky .githooks .pre-commit-config.yaml .pre-commit-config.yml .pre-commit-hooks.yaml lefthook.yml
      lefthook.yaml lefthook.toml lefthook.json .lefthook.yml .lefthook.yaml .lefthook .lintstagedrc .lintstagedrc.json
      .lintstagedrc.yaml .lintstagedrc.yml .lintstagedrc.js .lintstagedrc.mjs .lintstagedrc.cjs lint-staged.config.js
      lint-staged.config.mjs lint-staged.config.cjs lint-staged.config.ts .simple-git-hooks.json .simple-git-hooks.js
      .simple-git-hooks.cjs simple-git-hooks.json simple-git-hooks.js simple-git-hooks.cjs .overcommit.yml .hgrc .hg`),
  },
  {
    rule: 'shell',
    reason: 'a shell or terminal runs it',
    names: words(`.envrc .direnvrc .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv
      .zprofile .zlogin .zlogout .kshrc .mkshrc .cshrc .tcshrc .login .logout .inputrc .xinitrc .xprofile .xsession
      .xsessionrc .pam_environment .tmux.conf .screenrc .autoenv .autoenv.zsh`),
    paths: words('.config/fish .config/direnv .config/nushell .config/environment.d .config/tmux'),
  },
  {
    rule: 'editor',
    reason: 'an editor acts on it when the directory is opened',
    names: words(`.vscode .vscode-server .idea .fleet .zed .nova .devcontainer .devcontainer.json .exrc .vimrc .gvimrc
      .ideavimrc .nvimrc .nvim.lua .vim .emacs .emacs.d .dir-locals.el .dir-locals-2.el .ycm_extra_conf.py .lvimrc
      .local.vimrc .projections.json .helix .kateproject .gitpod.yml .gitpod.dockerfile`),
    paths: words('.config/nvim .config/helix .config/zed'),
    endings: words('.code-workspace .sublime-project .iml'),
  },
  {
    rule: 'agent',
    reason: 'an agent on the host takes tools or instructions from it',
    names: words(`.mcp.json mcp.json .claude .claude.json claude.md claude.local.md .cursor .cursorrules .cursorignore
      .windsurf .windsurfrules .codeium .gemini gemini.md .codex agents.md agent.md agents.override.md .agents .aider.conf.yml .continue
      .continuerc.json .roo .roomodes .roorules .clinerules .cline .kiro .opencode opencode.json opencode.jsonc .goosehints .goose
      .junie .augment .amp .trae .qwen .crush .crush.json crush.json .rules .factory`),
    paths: words(`.github/copilot-instructions.md .github/instructions .github/agents .github/prompts .github/chatmodes
      .github/copilot .github/hooks`),
  },
  {
    rule: 'ci',
    reason: 'a build server runs it, with its secrets',
    names: words(`.gitlab-ci.yml .gitlab-ci.yaml .circleci .travis.yml jenkinsfile azure-pipelines.yml
      azure-pipelines.yaml bitbucket-pipelines.yml .drone.yml .buildkite .woodpecker .woodpecker.yml .appveyor.yml
      appveyor.yml .cirrus.yml .semaphore .teamcity cloudbuild.yaml buildspec.yml`),
    paths: words(`.github/workflows .github/actions .github/dependabot.yml .forgejo/workflows .gitea/workflows
      .forgejo/actions .gitea/actions`),
  },
  {
    rule: 'package-manager',
    reason: 'a package manager or build tool takes commands or sources from it',
    names: words(`.npmrc .yarnrc .yarnrc.yml .yarnrc.yaml .yarn .pnpmfile.cjs .pnpmfile.mjs pnpmfile.js .bunfig.toml
      bunfig.toml binding.gyp .pypirc pip.conf pip.ini .pip .condarc .cargo .mvn .bundle .gemrc nuget.config .bazelrc
      .buckconfig .tool-versions mise.toml .mise.toml mise.local.toml .mise.local.toml .mise .rtx.toml .asdfrc
      .sdkmanrc rust-toolchain rust-toolchain.toml .volta`),
    paths: words('gradle/wrapper .config/mise .config/mise.toml .config/pip .config/uv'),
  },
  {
    rule: 'interpreter',
    reason: 'an interpreter or debugger loads it by itself',
    names: words(`sitecustomize.py usercustomize.py .pythonrc .pythonrc.py .pythonstartup .pdbrc .pdbrc.py .ipython
      .jupyter .irbrc .pryrc .rprofile .renviron .gdbinit .lldbinit .node_repl_history .psqlrc .sqliterc .my.cnf .perldb
      .iex.exs .ghci .guile .php.ini .user.ini`),
    endings: words('.pth'),
  },
  {
    rule: 'desktop',
    reason: 'the desktop runs it',
    names: words('autorun.inf desktop.ini'),
    paths: words('.config/autostart .config/systemd .local/share/applications .local/bin library/launchagents'),
    endings: words('.desktop .lnk .url .command .workflow .webloc .scpt'),
  },
  {
    rule: 'credentials',
    reason: 'programs take keys, or where to send them, from it',
    names: words('.ssh .gnupg .aws .kube .docker .netrc .curlrc .wgetrc .rhosts .forward .git-credentials'),
  },
];

const BY_NAME = new Map<string, NameRule>();
const BY_ENDING: [string, NameRule][] = [];
const BY_PATH: [string, NameRule][] = [];
for (const rule of NAME_RULES) {
  for (const name of rule.names ?? []) BY_NAME.set(name, rule);
  for (const ending of rule.endings ?? []) BY_ENDING.push([ending, rule]);
  for (const path of rule.paths ?? []) BY_PATH.push([`/${path}/`, rule]);
}

/** Reads a changed file's content before or after the change, or undefined if there is no such file. */
export type ReadSide = (change: Change, side: 'before' | 'after') => Promise<string | undefined>;

/** Every reason to flag something among `changes`, sorted by path. */
export async function flagChanges(changes: readonly Change[], read: ReadSide): Promise<Flagged[]> {
  const flagged: Flagged[] = [];
  const bare = bareRepositories(changes);
  for (const change of changes) {
    const { path } = change;
    const byName = nameRule(path);
    if (byName !== undefined) flagged.push({ path, rule: byName.rule, reason: byName.reason });
    else if (bare.has(path)) flagged.push({ path, rule: 'git', reason: 'part of a bare repository' });
    const scripts = await changedScripts(change, read);
    if (scripts !== undefined) flagged.push({ path, rule: 'package-scripts', reason: scripts });
    if (change.after !== undefined && becomesExecutable(change.before, change.after)) {
      flagged.push({ path, rule: 'executable', reason: 'becomes executable' });
    }
  }
  return flagged;
}

/** As a case-insensitive file system would take the path: `.GIT` is `.git` there. */
function nameRule(path: string): NameRule | undefined {
  const folded = foldedName(path);
  for (const segment of folded.split('/')) {
    const rule = BY_NAME.get(segment) ?? BY_ENDING.find(([ending]) => segment.endsWith(ending))?.[1];
    if (rule !== undefined) return rule;
  }
  const framed = `/${folded}/`;
  return BY_PATH.find(([part]) => framed.includes(part))?.[1];
}

/** git takes any directory with `HEAD`, `objects` and `refs` for a repository and obeys the `config` in there. */
function bareRepositories(changes: readonly Change[]): Set<string> {
  const paths = new Set(changes.filter(({ after }) => after !== undefined).map(({ path }) => foldedName(path)));
  const marks = new Set<string>();
  for (const { path } of changes) {
    const match = /^(.*\/)?(head|config|objects|refs)$/.exec(foldedName(path));
    if (match === null) continue;
    const prefix = match[1] ?? '';
    const parts = ['head', 'config', 'objects', 'refs'].filter((name) => paths.has(prefix + name));
    if (parts.length >= 3) marks.add(path);
  }
  return marks;
}

/** What tools run unasked out of a manifest; the rest of it is as harmless as any source. */
const SCRIPT_KEYS: Record<string, readonly string[]> = {
  'package.json': [
    'scripts',
    'packageManager',
    'devEngines',
    'gypfile',
    'husky',
    'lint-staged',
    'simple-git-hooks',
    'pre-commit',
    'pre-push',
    'gitHooks',
    'pnpm',
    'trustedDependencies',
    'volta',
  ],
  'composer.json': ['scripts'],
};

async function changedScripts(change: Change, read: ReadSide): Promise<string | undefined> {
  const keys = SCRIPT_KEYS[foldedName(change.path.slice(change.path.lastIndexOf('/') + 1))];
  if (keys === undefined || change.after === undefined) return undefined;
  if (change.after.kind === 'link') return 'a link in place of a manifest';
  if (change.after.kind !== 'file' || change.change === 'mode-changed') return undefined;
  const after = parseObject(await read(change, 'after'));
  if (after === undefined) return 'not readable as JSON';
  const before = parseObject(await read(change, 'before')) ?? {};
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return changed.length > 0 ? `changes ${changed.join(', ')}` : undefined;
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Not JSON: the caller decides what that means.
  }
  return undefined;
}
