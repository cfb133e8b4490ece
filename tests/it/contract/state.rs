//! State lives in the handle; a layer makes none.

use super::{Subject, in_paused_time};
use crate::tools::{Polls, Probe, Step};
use seawall::Error;
use std::pin::pin;
use tower::{Layer, Service, ServiceExt};

pub(crate) fn services_of_one_layer_share<S: Subject>() {
    in_paused_time(async {
        let Some(subject) = S::narrow("shared".into()) else { return };
        let layer = subject.layer();
        let probe = Probe::always(Step::Never);
        let mut one = layer.layer(probe.clone());
        let mut other = layer.clone().layer(probe.clone());
        let mut first = pin!(one.ready().await.unwrap().call(1));
        assert!(Polls::default().poll(first.as_mut()).is_pending());
        let second = other.ready().await.unwrap().call(2).await;
        assert!(matches!(second, Err(Error::Rejected(_))), "{second:?}");
        assert_eq!(probe.calls(), 1);
    });
}

pub(crate) fn a_layer_keeps_nothing_of_the_services_it_made<S: Subject>() {
    let layer = S::roomy("kept".into()).layer();
    let probe = Probe::new();
    let kept = allocation_counter::measure(|| {
        for _ in 0..1000 {
            drop(layer.layer(probe.clone()));
        }
    });
    assert_eq!((kept.count_current, kept.bytes_current), (0, 0));
}
