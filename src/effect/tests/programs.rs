use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{is_alive, sh, text, until, written_pid};
use crate::effect::{Program, ProgramEnd, Stdin, Stopped, run};
use crate::secret::Screen;

fn run_it(program: &Program) -> ProgramEnd {
    run(program, &Screen::new(&[]), &AtomicBool::new(false))
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_program_reads_a_file_and_what_it_says_is_kept() {
    let home = home();
    fs::write(home.path().join("prompt.md"), "the prompt").unwrap();
    let mut program = sh(home.path(), "cat; echo done; echo oops >&2; exit 3");
    program.stdin = Stdin::File(home.path().join("prompt.md"));
    let end = run_it(&program);
    assert_eq!((end.exit, end.signal, end.stopped, end.not_started), (Some(3), None, None, None));
    assert_eq!((end.stdout_bytes, end.stderr_bytes, end.cut, end.left_behind), (15, 5, false, 0));
    assert_eq!(text(program.stdout), "the promptdone\n");
    assert_eq!(text(program.stderr), "oops\n");
}

#[test]
fn it_sees_nothing_of_our_environment_and_leads_its_own_group() {
    let home = home();
    let mut program = sh(
        home.path(),
        "env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e '^_$' | sort; ps -o pgid= -p $$ | tr -d ' '; echo $$",
    );
    program.env.push(("GREETING".into(), "hello".into()));
    run_it(&program);
    let said = text(program.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["GREETING", "PATH"]);
    assert_eq!(lines[2], lines[3]);
}

#[test]
fn a_signal_is_not_an_exit_status() {
    let home = home();
    let end = run_it(&sh(home.path(), "kill -9 $$"));
    assert_eq!((end.exit, end.signal, end.stopped), (None, Some(9), None));
}

#[test]
fn its_time_is_limited_and_so_is_its_silence() {
    let home = home();
    let mut program = sh(home.path(), "while :; do echo busy; sleep 0.05; done");
    program.timeout = Some(Duration::from_millis(400));
    program.idle = Some(Duration::from_secs(20));
    assert_eq!(run_it(&program).stopped, Some(Stopped::Wall));

    let mut program = sh(home.path(), "echo once; sleep 60");
    program.timeout = Some(Duration::from_secs(50));
    program.idle = Some(Duration::from_millis(300));
    let end = run_it(&program);
    assert_eq!((end.stopped, end.signal), (Some(Stopped::Idle), Some(15)));

    // Something that talks is not idle, on whichever stream.
    let mut program = sh(home.path(), "for i in 1 2 3 4 5 6; do sleep 0.2; echo . >&2; done");
    program.idle = Some(Duration::from_millis(900));
    assert_eq!(run_it(&program).exit, Some(0));
}

#[test]
fn it_may_end_cleanly_when_it_is_asked() {
    let home = home();
    let mut program = sh(home.path(), "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    program.grace = Duration::from_secs(30);
    let asked = AtomicBool::new(false);
    let end = thread::scope(|scope| {
        let running = scope.spawn(|| run(&program, &Screen::new(&[]), &asked));
        until("ready", || fs::read_to_string(&program.stdout).is_ok_and(|said| said.contains("ready")));
        asked.store(true, std::sync::atomic::Ordering::SeqCst);
        running.join().unwrap()
    });
    assert_eq!((end.stopped, end.exit), (Some(Stopped::Asked), Some(0)));
    assert_eq!(text(program.stdout), "ready\ncleaned\n");
}

#[test]
fn asked_beforehand_nothing_is_started() {
    let home = home();
    let end = run(&sh(home.path(), "touch ran"), &Screen::new(&[]), &AtomicBool::new(true));
    assert_eq!(end, ProgramEnd { stopped: Some(Stopped::Asked), ..ProgramEnd::default() });
    assert!(!home.path().join("ran").exists());
}

#[test]
fn a_stopped_program_hears_that_its_time_is_up() {
    let home = home();
    let mut program = sh(home.path(), "kill -STOP $$");
    program.timeout = Some(Duration::from_millis(200));
    program.grace = Duration::from_secs(5);
    assert_eq!(run_it(&program).signal, Some(15));
}

#[test]
fn a_group_that_will_not_listen_is_killed() {
    let home = home();
    let deaf = "trap '' TERM; sh -c 'echo $$ > inner; while :; do sleep 0.05; done' & echo $$ > outer; wait; wait";
    let mut program = sh(home.path(), deaf);
    program.timeout = Some(Duration::from_millis(500));
    let end = run_it(&program);
    assert_eq!((end.stopped, end.signal), (Some(Stopped::Wall), Some(9)));
    for name in ["inner", "outer"] {
        assert!(!is_alive(written_pid(&home.path().join(name))), "{name} lives");
    }
}

#[test]
fn what_it_leaves_behind_is_ended_and_holds_nobody() {
    let home = home();
    let began = Instant::now();
    let end = run_it(&sh(home.path(), "sleep 300 & echo $! > left; echo said"));
    assert_eq!((end.exit, end.stopped, end.left_behind), (Some(0), None, 1));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(!is_alive(written_pid(&home.path().join("left"))));
    assert_eq!(text(home.path().join("stdout.log")), "said\n");
}

#[test]
fn the_limit_reaches_descendants_in_other_sessions() {
    if !Path::new("/usr/bin/setsid").exists() {
        return;
    }
    let home = home();
    let mut program = sh(home.path(), "setsid sh -c 'echo $$ > escaped; exec sleep 300'; echo not reached");
    program.timeout = Some(Duration::from_secs(2));
    assert_eq!(run_it(&program).stopped, Some(Stopped::Wall));
    assert!(!is_alive(written_pid(&home.path().join("escaped"))));
}

#[test]
fn endless_output_neither_blocks_it_nor_fills_the_disk() {
    let home = home();
    let mut program = sh(home.path(), "head -c 3000000 /dev/zero; echo last words; echo status $? >&2");
    program.keep_bytes = 4000;
    let end = run_it(&program);
    assert_eq!((end.exit, end.stdout_bytes, end.cut), (Some(0), 3_000_011, true));
    let kept = fs::read(&program.stdout).unwrap();
    assert!(kept.len() < 4100 && kept.ends_with(b"last words\n"));
    assert_eq!(text(program.stderr), "status 0\n");

    let mut program = sh(home.path(), "yes");
    program.keep_bytes = 4000;
    program.timeout = Some(Duration::from_millis(300));
    let end = run_it(&program);
    assert_eq!((end.stopped, end.cut), (Some(Stopped::Wall), true));
    assert!(fs::metadata(&program.stdout).unwrap().len() < 4100);
}

#[test]
fn what_cannot_be_started_says_why() {
    let home = home();
    let write = |name: &str, content: &str, mode| {
        fs::write(home.path().join(name), content).unwrap();
        fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", "#!/bin/sh\n", 0o600);
    write("orphan", "#!/no/such/interpreter\n", 0o700);
    write("data", "\u{1}\u{2}\u{3}", 0o700);
    let check = |argv: &[&str], expected: &str| {
        let mut program = sh(home.path(), "");
        program.argv = argv.iter().map(Into::into).collect();
        let end = run_it(&program);
        assert_eq!(end.not_started.as_deref(), Some(expected));
        assert_eq!(end, ProgramEnd { not_started: end.not_started.clone(), ..ProgramEnd::default() });
    };
    check(&[], "no program is named");
    check(&["no-such-agent"], "cannot start `no-such-agent`: it is on no directory of PATH");
    check(&["./missing"], "cannot start `./missing`: there is no such file");
    check(&["./plain"], "cannot start `./plain`: it may not be executed; `chmod +x` it");
    check(&["./orphan"], "cannot start `./orphan`: the interpreter that its first line names is missing");
    check(&["./data"], "cannot start `./data`: it is no program; a script needs a first line such as `#!/bin/sh`");

    let mut program = sh(home.path(), "");
    program.cwd = "/no/such/place".into();
    let expected = "cannot start `sh`: the directory /no/such/place is not there";
    assert_eq!(run_it(&program).not_started.as_deref(), Some(expected));
    let mut program = sh(home.path(), "");
    program.stdin = Stdin::File(home.path().join("no-prompt"));
    let end = run_it(&program);
    assert!(
        end.for_want && end.not_started.unwrap().starts_with("cannot read "),
        "the prompt is no file of the program's"
    );
    let mut program = sh(home.path(), "");
    program.stderr = home.path().join("no/such/folder/stderr.log");
    let end = run_it(&program);
    assert!(end.for_want && end.not_started.unwrap().starts_with("cannot write "), "nor is its log");
}

#[test]
fn a_program_is_stored_and_read_back() {
    let program =
        Program { stdin: Stdin::File("p".into()), idle: Some(Duration::from_secs(3)), ..sh(Path::new("/"), "x") };
    let stored = serde_json::to_string(&program).unwrap();
    assert_eq!(serde_json::from_str::<Program>(&stored).unwrap(), program);
}
