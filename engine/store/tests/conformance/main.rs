//! What every backend of the store must do, run over each.

mod attempts;
mod commits;
mod fixture;
mod observations;
mod reading;
mod registry;
mod rollouts;

use fixture::Fixture;
use windlass_store::{Location, Store};

/// One test a case and backend; a backend is one more module here.
macro_rules! conformance {
    ($($module:ident::{$($case:ident),+ $(,)?};)+) => {
        mod memory {
            use super::*;
            $($(#[test] fn $case() {
                let store = Store::open(&Location::Memory).expect("memory is always free");
                let mut fixture = Fixture::new(store);
                $module::$case(&mut fixture);
                fixture.assert_whole();
            })+)+
        }

        mod file {
            use super::*;
            $($(#[test] fn $case() {
                let directory = tempfile::tempdir().expect("a temporary directory");
                let path = directory.path().join("state/windlass.db");
                let store = Store::open(&Location::File(path)).expect("a new file opens");
                let mut fixture = Fixture::new(store);
                $module::$case(&mut fixture);
                fixture.assert_whole();
            })+)+
        }
    };
}

conformance! {
    registry::{
        devices_come_back_as_they_were_imported,
        pages_are_full_and_complete,
        conditions_narrow_to_the_devices_that_fulfil_them,
        values_that_are_not_indexed_narrow_nothing,
        a_changed_device_is_found_by_its_new_labels_only,
        devices_missing_from_a_replaced_list_are_unlisted,
        a_failing_import_keeps_nothing,
    };
    observations::{
        an_import_never_overwrites_a_newer_observation,
        an_older_observation_changes_nothing,
        fields_are_observed_one_by_one,
        a_list_cannot_have_seen_the_future,
    };
    rollouts::{
        a_rollout_is_created_whole,
        refused_rollouts_leave_nothing_behind,
        a_release_has_one_row,
        a_changed_plan_keeps_its_targets,
    };
    commits::{
        every_state_survives_the_way_through_the_database,
        a_conflicting_set_is_refused_and_the_others_hold,
        every_conflict_has_a_name,
        events_have_no_gaps,
        the_rest_is_cancelled_at_once,
        observations_travel_with_the_set,
    };
    attempts::{
        a_device_has_one_unsettled_attempt_over_all_rollouts,
        attempt_ids_are_never_given_out_twice,
        the_newest_report_of_an_attempt_holds,
        a_checkpoint_is_that_of_the_newest_attempt_until_the_assignment_ends,
    };
    reading::{
        a_snapshot_counts_what_was_committed,
        pending_assignments_are_paged_in_rank_order,
        deferred_assignments_come_back_when_due,
        decisions_come_back_byte_for_byte,
        components_are_kept,
    };
}
