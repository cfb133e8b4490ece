use super::found::Found;
use crate::balance::Endpoint;
use std::str::SplitWhitespace;

/// A list of endpoints as text: one a line, its id first.
///
/// ```text
/// # The replicas of the orders service.
/// 10.0.0.1:80
/// 10.0.0.2:80  weight=2 zone=a
/// [::1]:80     level=1 limit=100   # the last resort
/// 10.0.0.3:443 host=orders-3.internal
/// ```
///
/// # Examples
///
/// ```
/// let found = seawall::discover::lines("10.0.0.1:80\n10.0.0.2:80 weight=2 # the big one\n")?;
/// assert_eq!(found.len(), 2);
/// # Ok::<_, seawall::discover::BadLine>(())
/// ```
///
/// # Errors
///
/// [`BadLine`] at the first line that is none; then none of them counts.
pub fn lines(text: &str) -> Result<Found, BadLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let endpoints: Result<Vec<_>, _> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let words = line.split_once('#').map_or(line, |(words, _)| words).split_whitespace();
            let what = |what| BadLine { line: index + 1, what };
            endpoint(words).map(|endpoint| endpoint.map_err(what))
        })
        .collect();
    endpoints.map(Found::from_iter)
}

/// The endpoint of one line, if there is one.
fn endpoint(mut words: SplitWhitespace<'_>) -> Option<Result<Endpoint<()>, What>> {
    let id = words.next()?;
    if id.contains('=') {
        return Some(Err(What::Id));
    }
    Some(words.try_fold(Endpoint::new(id, ()), |endpoint, word| {
        let (name, value) = word.split_once('=').ok_or(What::Setting)?;
        let number = || value.parse().map_err(|_| What::Number);
        Ok(match name {
            "weight" => endpoint.weight(number()?),
            "limit" => endpoint.limit(number()?),
            "level" => endpoint.level(number()?.try_into().map_err(|_| What::Number)?),
            "zone" if !value.is_empty() => endpoint.zone(value.to_owned()),
            "host" if !value.is_empty() => endpoint.host(value),
            _ => return Err(What::Setting),
        })
    }))
}

/// A line that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadLine {
    line: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum What {
    #[error("an endpoint begins with its id")]
    Id,
    #[error("what follows an id is weight=, level=, zone=, host= or limit=")]
    Setting,
    #[error("weight and limit are numbers up to 4294967295, level one up to 255")]
    Number,
}

impl BadLine {
    /// Which line, counted from 1.
    ///
    /// ```
    /// assert_eq!(seawall::discover::lines("a\nb heavy").unwrap_err().line(), 2);
    /// ```
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_endpoint_a_line_with_its_settings() {
        let found = lines("\u{feff}# all\r\n\r\na\r\n  b\tweight=2 level=1 zone=z host=h limit=9 # second\n")
            .unwrap();
        let told = Endpoint::new("b", ()).weight(2).level(1).zone("z").host("h").limit(9);
        assert_eq!(found.endpoints().iter().map(|e| e.id().as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(found.endpoints()[1].is_as(&told));
        assert!(lines("").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (text, line, what) in [
            ("a\n\nb heavy", 3, What::Setting),
            ("weight=2", 1, What::Id),
            ("a weight=many", 1, What::Number),
            ("a level=256", 1, What::Number),
            ("a weight=-1", 1, What::Number),
            ("a zone=", 1, What::Setting),
            ("a colour=red", 1, What::Setting),
        ] {
            assert_eq!(lines(text).unwrap_err(), BadLine { line, what }, "{text}");
        }
        assert_eq!(
            lines("a heavy").unwrap_err().to_string(),
            "line 1: what follows an id is weight=, level=, zone=, host= or limit="
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_has_a_bad_line(text in "[a-z=0-9 #\n\t.:]{0,200}") {
            if let Err(bad) = lines(&text) {
                prop_assert!((1..=text.lines().count()).contains(&bad.line()));
            }
        }

        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec(("[a-z0-9.:]{1,20}", any::<u32>(), any::<u8>()), 0..20)) {
            let text: String = all.iter().map(|(id, w, l)| format!("{id} weight={w} level={l}\n")).collect();
            let found = lines(&text).unwrap();
            prop_assert_eq!(found.len(), all.len());
            for ((id, weight, level), read) in all.iter().zip(found.endpoints()) {
                prop_assert_eq!(read.id().as_str(), id);
                prop_assert!(read.is_as(&Endpoint::new("", ()).weight(*weight).level(*level)));
            }
        }
    }
}
