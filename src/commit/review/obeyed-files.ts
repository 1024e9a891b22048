/**
 * Files that tools on the host obey *without a request*, by tool, each with the document that describes it. This file
 * holds data only; flags.ts uses it. Names are in lower case, because they are compared as on a case-insensitive file
 * system.
 *
 * The list leaves out files that act only when a person runs the project: sources, tests, `Makefile`, `conftest.py`,
 * `pyproject.toml`, `build.gradle`, `Dockerfile`, linter configurations. A sandbox's work is useless without running
 * it, and users stop reading a list that is always full.
 */
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
  'ripcord',
  'executable',
] as const;

export type ObeyedBy = (typeof FLAG_RULES)[number];

/** Reasons shown with a flag. */
export const REASONS = {
  git: 'git takes commands from it, or another version control does',
  'git-hooks': 'runs at git commands',
  shell: 'a shell or terminal runs it',
  editor: 'an editor acts on it when the directory is opened',
  agent: 'an agent on the host takes tools or instructions from it',
  ci: 'a build server runs it, with its secrets',
  'package-manager': 'a package manager or build tool takes commands or sources from it',
  interpreter: 'an interpreter or debugger loads it by itself',
  desktop: 'the desktop runs it',
  credentials: 'programs take keys, or where to send them, from it',
  ripcord: 'ripcord apply deletes what it lists',
} as const;

/** Names under the rule `git` that are repository directories. */
export const REPOSITORIES: ReadonlySet<string> = new Set([
  '.git',
  'git~1',
  '.hg',
  '.svn',
  '.jj',
  '.sl',
  '_darcs',
  '.pijul',
  '.bzr',
]);

export interface ObeyedFiles {
  rule: keyof typeof REASONS;
  /** Documents that describe these files. */
  source: string;
  /** Names of files or directories at any depth. Everything below such a directory counts. */
  names?: readonly string[];
  /** Path suffixes at any depth. Everything below such a path counts. */
  paths?: readonly string[];
  /** Suffixes of names. */
  endings?: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

export const OBEYED_FILES: readonly ObeyedFiles[] = [
  {
    rule: 'git',
    source: 'git: gitattributes(5), gitmodules(5), git-config(1); git-lfs-config(5); CVE-2014-9390 (git~1)',
    names: words('.git .gitattributes .gitmodules .gitconfig .lfsconfig git~1'),
    paths: words('.config/git'),
  },
  {
    rule: 'git',
    source:
      'hgrc(5); Subversion book; Jujutsu, Sapling, Fossil, Darcs, Pijul and Breezy manuals: repository configuration',
    names: words('.hg .hgrc .svn .jj .sl .fslckout .fossil-settings _darcs .pijul .bzr'),
  },
  {
    rule: 'git-hooks',
    source:
      'husky; pre-commit and prek; lefthook; lint-staged; simple-git-hooks; overcommit; CaptainHook; GrumPHP; hk: README of each',
    names: words(`.husky .huskyrc .huskyrc.json .huskyrc.js .huskyrc.yml .huskyrc.yaml .githooks .git-hooks
      .pre-commit-config.yaml .pre-commit-config.yml .pre-commit-hooks.yaml prek.toml .prek.toml
      lefthook.yml lefthook.yaml lefthook.toml lefthook.json lefthook-local.yml lefthook-local.yaml lefthook-local.toml
      lefthook-local.json .lefthook.yml .lefthook.yaml .lefthook.toml .lefthook.json .lefthook-local.yml
      .lefthook-local.yaml .lefthook .lefthook-local .lintstagedrc .lintstagedrc.json .lintstagedrc.yaml .lintstagedrc.yml
      .lintstagedrc.js .lintstagedrc.mjs .lintstagedrc.cjs lint-staged.config.js lint-staged.config.mjs
      lint-staged.config.cjs lint-staged.config.ts .simple-git-hooks.json .simple-git-hooks.js .simple-git-hooks.cjs
      simple-git-hooks.json simple-git-hooks.js simple-git-hooks.cjs .overcommit.yml captainhook.json grumphp.yml
      grumphp.yml.dist hk.pkl .hk.pkl`),
  },
  {
    rule: 'shell',
    source:
      'bash(1), zsh(1), ksh(1), mksh(1), tcsh(1), fish(1), nu, xonsh, elvish, about_Profiles of PowerShell: start-up files',
    names: words(`.bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin
      .zlogout .kshrc .mkshrc .cshrc .tcshrc .login .logout .inputrc .xonshrc .elvish profile.ps1
      microsoft.powershell_profile.ps1`),
    paths: words('.config/fish .config/nushell .config/xonsh .config/elvish .config/powershell'),
  },
  {
    rule: 'shell',
    source:
      'direnv(1), and its stdlib: use_flake and use_nix watch; autoenv; shadowenv; devenv; devbox; RVM: project rc files; rbenv-vars',
    names: words(`.envrc .direnvrc .autoenv .autoenv.zsh .shadowenv.d .rvmrc .rbenv-vars flake.nix shell.nix devenv.nix
      devenv.yaml devbox.json`),
    paths: words('.config/direnv'),
  },
  {
    rule: 'shell',
    source:
      'xinit(1), Xsession(5), pam_env(8), environment.d(5), tmux(1), screen(1); WezTerm, kitty, Alacritty, Zellij, starship manuals',
    names: words(`.xinitrc .xprofile .xsession .xsessionrc .pam_environment .tmux.conf .screenrc .wezterm.lua`),
    paths: words(`.config/environment.d .config/tmux .config/wezterm .config/kitty .config/alacritty .config/zellij
      .config/starship.toml`),
  },
  {
    rule: 'editor',
    source:
      'VS Code: tasks, workspace trust; JetBrains: project security; Zed: project settings; Nova; Sublime Text: projects; Fleet; Lapce',
    names: words('.vscode .vscode-server .idea .fleet .zed .nova .lapce .theia .vs'),
    paths: words('.config/zed'),
    endings: words('.code-workspace .sublime-project .sublime-workspace .iml .ipr .iws'),
  },
  {
    rule: 'editor',
    source:
      'vim: exrc, modelines; Neovim: exrc; Emacs: Directory Variables, Saving Emacs Sessions; Helix; YouCompleteMe; Vimspector; Kate',
    names:
      words(`.exrc _exrc .vimrc _vimrc .gvimrc _gvimrc .ideavimrc .nvimrc .nvim.lua .vim .emacs .emacs.d .emacs.desktop
      .dir-locals.el .dir-locals-2.el .ycm_extra_conf.py .lvimrc .local.vimrc .projections.json .vimspector.json .helix
      .kateproject`),
    paths: words('.config/nvim .config/helix'),
  },
  {
    rule: 'editor',
    source:
      'Eclipse: project description, external tool builders, factory path; NetBeans: project metadata; Build Server Protocol: discovery',
    names: words('.project .classpath .factorypath .externaltoolbuilders .settings nbproject .bsp .bloop'),
  },
  {
    rule: 'editor',
    source:
      'rust-analyzer manual; LuaLS: runtime.plugin; hie-bios: bios cradles; Merlin: ppx flags; Solargraph: plugins; clangd: .clangd; ccls',
    names: words(`rust-analyzer.toml .rust-analyzer.toml rust-project.json .rust-project.json .luarc.json .luarc.jsonc
      hie.yaml .merlin .solargraph.yml .clangd .ccls .tern-project`),
  },
  {
    rule: 'editor',
    source:
      'containers.dev: devcontainer.json; devfile.io: events; Gitpod and Ona: automations; Firebase Studio: dev.nix; Replit: .replit',
    names: words(`.devcontainer .devcontainer.json devfile.yaml .devfile.yaml devfile.yml .devfile.yml .gitpod.yml
      .gitpod.yaml .gitpod.dockerfile .gitpod .ona .idx .replit replit.nix .codesandbox .stackblitzrc`),
  },
  {
    rule: 'agent',
    source:
      'agents.md; Claude Code: settings, hooks, memory, plugins; Codex: AGENTS.md; Gemini CLI: GEMINI.md; Qwen Code: QWEN.md; MCP clients',
    names: words(`agents.md agent.md agents.override.md .agents .agent .mcp.json mcp.json .mcp .claude .claude.json
      .claude-plugin claude.md claude.local.md .codex .gemini gemini.md .geminiignore .qwen qwen.md .grok grok.md .vibe`),
  },
  {
    rule: 'agent',
    source:
      'Cursor, Windsurf, Cline, Roo Code, Kilo Code, Continue, Augment, Trae, Zed (.rules), Junie, AI Assistant, Firebender: rules',
    names: words(`.cursor .cursorrules .cursorignore .cursorindexingignore .cursor-plugin .windsurf .windsurfrules
      .windsurfignore .codeium .codeiumignore .clinerules .cline .clineignore .roo .roomodes .roorules .rooignore
      .kilocode .kilocodemodes .kilocoderules .kilo .continue .continuerc.json .continuerules .augment
      .augment-guidelines .augmentignore .trae .rules .junie .aiassistant .aiignore .aiexclude firebender.json .firebender
      .lingma .codebuddy codebuddy.md .tabnine .cody .qodo .pearai .void`),
  },
  {
    rule: 'agent',
    source:
      'OpenHands: repository customization; Antigravity: .agent/rules; Kiro: steering, hooks; Amazon Q: project rules; Warp: WARP.md',
    names: words(`.openhands .openhands_instructions .kiro .amazonq warp.md .warp .devin .factory .jules .swe-agent
      replit.md .bolt`),
  },
  {
    rule: 'agent',
    source:
      'aider: config file; opencode; Goose: hints; Amp; Crush; gptme: gptme.toml (context_cmd); Plandex; Letta; iFlow; Pi; Mux; Ruler',
    names: words(`.aider.conf.yml .aider.conf.yaml .aider.model.settings.yml .aiderignore .opencode opencode.json
      opencode.jsonc .goosehints .goose .gooseignore .amp .crush .crush.json crush.json crush.md gptme.toml .gptme
      .plandex .letta .iflow iflow.md .pi .mux .ruler`),
  },
  {
    rule: 'agent',
    source: 'GitHub Copilot: repository custom instructions, agents, prompts, hooks, setup steps (a workflow)',
    paths: words(`.github/copilot-instructions.md .github/instructions .github/agents .github/prompts .github/chatmodes
      .github/copilot .github/hooks .github/skills`),
  },
  {
    rule: 'ci',
    source:
      'GitHub, Forgejo, Gitea Actions: workflow syntax; Dependabot and Renovate: options, postUpgradeTasks; Mergify',
    names: words('renovate.json renovate.json5 .renovaterc .renovaterc.json .renovaterc.json5 .mergify.yml'),
    paths: words(`.github/workflows .github/actions .github/dependabot.yml .github/dependabot.yaml .github/renovate.json
      .github/renovate.json5 .github/mergify.yml .forgejo/workflows .forgejo/actions .gitea/workflows .gitea/actions`),
  },
  {
    rule: 'ci',
    source:
      'GitLab CI/CD, CircleCI, Travis, Jenkins, Azure, Bitbucket, AppVeyor, Buildkite, TeamCity, Semaphore: configuration reference',
    names: words(`.gitlab-ci.yml .gitlab-ci.yaml .circleci .travis.yml .travis.yaml jenkinsfile azure-pipelines.yml
      azure-pipelines.yaml .azure-pipelines .vsts-ci.yml bitbucket-pipelines.yml bitbucket-pipelines.yaml .appveyor.yml
      appveyor.yml .buildkite .teamcity .semaphore`),
    paths: words('.gitlab/agents .gitlab/ci'),
  },
  {
    rule: 'ci',
    source:
      'Drone, Woodpecker, Cirrus CI, SourceHut builds, Zuul, Prow, Tekton (Pipelines as Code), Screwdriver, OneDev, GoCD, Buddy, Harness',
    names:
      words(`.drone.yml .drone.yaml .drone.star .drone.jsonnet .woodpecker .woodpecker.yml .woodpecker.yaml .cirrus.yml
      .cirrus.yaml .cirrus.star .build.yml .builds .zuul.yaml .zuul.d zuul.yaml zuul.d .prow.yaml .prow .tekton
      screwdriver.yaml .onedev-buildspec.yml .gocd.yaml .buddy buddy.yml .harness .space.kts .agola .gitness`),
  },
  {
    rule: 'ci',
    source:
      'AWS CodeBuild, CodeDeploy, Amplify; Google Cloud Build; Codemagic; Bitrise; Codeship; Wercker; Scrutinizer; Xcode Cloud: ci_scripts',
    names: words(`buildspec.yml buildspec.yaml appspec.yml appspec.yaml amplify.yml amplify.yaml cloudbuild.yaml
      cloudbuild.yml cloudbuild.json codemagic.yaml bitrise.yml codeship-services.yml codeship-steps.yml wercker.yml
      shippable.yml .scrutinizer.yml ci_scripts .packit.yaml packit.yaml .copr`),
  },
  {
    rule: 'ci',
    source:
      'Read the Docs, Netlify, Vercel, Render, Railway, Nixpacks, Heroku: build configuration that is run at a push',
    names: words(`.readthedocs.yaml .readthedocs.yml readthedocs.yaml readthedocs.yml netlify.toml vercel.json vercel.ts
      now.json render.yaml railway.json railway.toml nixpacks.toml procfile heroku.yml`),
  },
  {
    rule: 'package-manager',
    source:
      'npm: npmrc; Yarn: yarnrc, plugins; pnpm: pnpmfile, settings, package.yaml and package.json5; Bun: bunfig; node-gyp; Volta',
    names:
      words(`.npmrc .yarnrc .yarnrc.yml .yarnrc.yaml .yarn .pnp.cjs .pnp.js .pnp.loader.mjs .pnpmfile.cjs .pnpmfile.mjs
      pnpmfile.js pnpmfile.cjs pnpm-workspace.yaml package.yaml package.json5 .bunfig.toml bunfig.toml binding.gyp .volta`),
  },
  {
    rule: 'package-manager',
    source: 'pip: configuration; uv and Poetry: configuration files; PDM; conda: condarc; twine: pypirc',
    names: words('.pypirc pip.conf pip.ini .pip .condarc uv.toml poetry.toml pdm.toml .pdm.toml .pdm-python'),
    paths: words('.config/pip .config/uv .config/pypoetry .config/pdm'),
  },
  {
    rule: 'package-manager',
    source:
      'MSBuild: Customize your build, response files, .user files; NuGet: nuget.config; dotnet: global.json, local tools',
    names: words(`directory.build.props directory.build.targets directory.build.rsp directory.packages.props
      directory.solution.props directory.solution.targets msbuild.rsp nuget.config global.json dotnet-tools.json`),
    endings: words('.csproj.user .vbproj.user .fsproj.user .vcxproj.user .proj.user'),
  },
  {
    rule: 'package-manager',
    source:
      'Cargo: configuration; rustup: overrides; Maven: .mvn; Gradle: build environment, wrapper, daemon JVM; sbt: .sbtopts; Mill; Bazel; Buck',
    names:
      words(`.cargo rust-toolchain rust-toolchain.toml .mvn gradle.properties init.gradle init.gradle.kts .sbtopts .jvmopts
      .mill-jvm-opts .mill-opts .bazelrc user.bazelrc .bazeliskrc .buckconfig .buckconfig.d .buckconfig.local .sdkmanrc`),
    paths: words('gradle/wrapper gradle/gradle-daemon-jvm.properties gradle/init.d'),
  },
  {
    rule: 'package-manager',
    source:
      'Bundler: bundle-config(1); RubyGems: gemrc; cabal: cabal.project.local; LuaRocks: config; asdf, mise: configuration',
    names: words(`.bundle .gemrc cabal.project.local cabal.config .luarocks .tool-versions .asdfrc mise.toml .mise.toml
      mise.local.toml .mise.local.toml mise.development.toml .mise.development.toml mise.production.toml
      .mise.production.toml .mise .rtx.toml`),
    paths: words('.config/mise .config/mise.toml mise/config.toml'),
  },
  {
    rule: 'interpreter',
    source: 'Python: site, PYTHONSTARTUP, pdb; IPython; Jupyter: configuration',
    names: words(
      `sitecustomize.py usercustomize.py .pythonrc .pythonrc.py .pythonstartup .pdbrc .pdbrc.py .ipython .jupyter`,
    ),
    endings: words('.pth'),
  },
  {
    rule: 'interpreter',
    source:
      'irb, pry, R Startup(1), ghci, IEx, Erlang: .erlang, Guile, Racket, SBCL, OCaml: .ocamlinit, utop, Octave, MATLAB: startup.m, Tcl',
    names:
      words(`.irbrc .pryrc .rprofile .renviron .ghci .ghcid .iex.exs .erlang .guile .racketrc .sbclrc .clisprc .eclrc
      .ocamlinit .utoprc .topinit .octaverc startup.m .tclshrc .wishrc .groovyrc .swiplrc .perldb .node_repl_history`),
  },
  {
    rule: 'interpreter',
    source:
      'gdb: Init File in the Current Directory; lldb; radare2; psql(1), sqlite3(1), mysql option files, mongosh; PHP: .user.ini',
    names: words(`.gdbinit .gdbearlyinit .lldbinit .radare2rc .r2rc .psqlrc .sqliterc .duckdbrc .my.cnf .mongorc.js
      .mongoshrc.js .php.ini .user.ini`),
  },
  {
    rule: 'desktop',
    source:
      'freedesktop.org: Desktop Entry, Autostart; systemd.unit(5); Windows: Shell links, autorun.inf, desktop.ini, library files; macOS',
    names: words('autorun.inf desktop.ini'),
    paths: words('.config/autostart .config/systemd .local/share/applications .local/bin library/launchagents'),
    endings:
      words(`.desktop .lnk .url .scf .library-ms .searchconnector-ms .search-ms .command .workflow .webloc .inetloc
      .fileloc .terminal .scpt`),
  },
  {
    rule: 'credentials',
    source:
      'ssh_config(5), gpg(1), netrc(5), curl(1), wget(1), hosts.equiv(5), gitcredentials(7); AWS, kubectl, docker, gcloud, Azure, OCI',
    names:
      words(`.ssh .gnupg .aws .kube .docker .dockercfg .netrc .curlrc .wgetrc .rhosts .forward .git-credentials .pgpass
      .boto .s3cfg .azure .oci .terraformrc terraform.rc .sentryclirc .databrickscfg`),
    paths: words('.config/gcloud .config/gh .config/rclone .config/containers'),
  },
  { rule: 'ripcord', source: 'docs: ripcord apply --help', endings: words('.ripcord.json') },
];

/**
 * Keys of manifests that tools run without a request. Other keys are as harmless as source code. Sources: npm: scripts;
 * Corepack: packageManager; the README of each hook manager; Composer: scripts and config (allow-plugins).
 */
export const SCRIPT_KEYS: Record<string, readonly string[]> = {
  'package.json':
    words(`scripts packageManager devEngines gypfile husky lint-staged simple-git-hooks pre-commit pre-push
    gitHooks pnpm trustedDependencies volta`),
  'composer.json': words('scripts config'),
};
