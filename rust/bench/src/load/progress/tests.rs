use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::*;

/// A terminal whose screen can be read, until it is pulled out.
#[derive(Clone, Default)]
struct Screen(Rc<RefCell<String>>, bool);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.borrow_mut().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_line_is_rewritten_twice_a_second_and_wiped_out() {
    let begun = Instant::now();
    let mut ledger = Ledger::new(0, 0);
    let screen = Screen::default();
    let mut progress = Progress::on(Some(Box::new(screen.clone())), begun);
    let number = ledger.begin(begun, begun);
    ledger.started(number, "w");
    progress.advance(begun + Duration::from_millis(499), &ledger);
    assert_eq!(*screen.0.borrow(), "");
    progress.advance(begun + Duration::from_millis(500), &ledger);
    progress.advance(begun + Duration::from_millis(700), &ledger);
    progress.close();
    assert_eq!(
        *screen.0.borrow(),
        format!("{REWRITE}0.5 s: 1 finished, 2/s, 0 unfinished, 0 refused{REWRITE}")
    );
}

#[test]
fn a_terminal_that_has_gone_away_is_left_alone() {
    let begun = Instant::now();
    let mut progress = Progress::on(Some(Box::new(Screen(Rc::default(), true))), begun);
    progress.advance(begun + PERIOD, &Ledger::new(0, 0));
    assert!(progress.out.is_none());
}
