//! What every backend of the store must do, run over each.

mod attempts;
mod commits;
mod condemned;
mod dead_letters;
mod down;
mod explained;
mod fixture;
mod growth;
mod histories;
mod holds;
mod observations;
mod reading;
mod rechecks;
mod registry;
mod retention;
mod rivals;
mod rollbacks;
mod rollouts;
mod shadows;
mod signals;
mod steering;
mod swaps;

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
        a_decommissioned_device_is_out_of_the_fleet_until_it_comes_back,
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
        decisions_are_read_and_compared_as_they_are_kept,
        components_and_settings_are_kept,
        assignments_are_found_by_the_names_of_their_devices,
    };
    steering::{
        consents_and_orders_come_back_in_order,
        other_policies_void_what_was_consented_to,
        a_requeued_dead_letter_keeps_its_rank_and_is_paged_again,
        a_person_may_move_what_waits,
        a_completed_rollout_runs_again,
    };
    signals::{
        signals_come_back_and_the_newest_is_in_the_snapshot,
        the_history_of_a_signal_is_bounded,
    };
    rechecks::{
        succeeded_devices_are_paged_with_their_newest_attempts,
        a_device_is_overtaken_by_a_later_attempt_of_any_rollout,
        a_round_is_found_where_it_was,
        a_swap_forgets_the_rounds,
        a_device_that_fell_back_has_failed_and_is_taken_back,
        records_without_rounds_read_as_they_were,
    };
    holds::{
        a_subject_has_one_hold,
        a_hold_lapses_by_itself,
        every_subject_and_kind_comes_back,
        lifting_a_hold_is_logged_once,
    };
    condemned::{
        the_first_reason_condemns_until_a_person_forgives,
        a_release_is_forgiven_whatever_its_payload,
    };
    rivals::{
        rivals_are_what_has_not_ended_or_succeeded_elsewhere,
        an_ended_rollout_contends_for_nothing,
        rivals_come_device_by_device_the_older_first,
    };
    down::{
        offline_members_are_down,
        a_failed_member_is_down_until_it_is_seen_or_updated,
        a_member_with_an_unsettled_attempt_is_down,
        members_of_another_list_are_down_until_decommissioned,
        groups_are_those_of_the_model,
    };
    dead_letters::{
        dead_letters_are_listed_with_what_was_said_last,
        a_dead_letter_is_shown_with_its_attempts,
    };
    rollbacks::{
        the_version_before_the_first_attempt_is_remembered,
        targets_are_those_that_may_run_the_release,
        rollbacks_are_created_once,
        a_refused_rollback_leaves_nothing_behind,
        a_rollback_is_wanted_until_it_is_made,
    };
    retention::{
        repeated_decisions_are_counted_with_the_newest,
        old_decisions_go_but_for_the_newest_of_each_policy,
        the_log_stays_whole_when_old_events_go,
        attempts_of_rollouts_long_over_go_but_for_dead_letters,
        a_component_goes_with_the_last_that_cites_it,
        reasons_go_with_the_last_that_cites_them,
    };
    growth::{
        newcomers_join_the_last_cohort_in_order,
        a_completed_rollout_is_reopened_by_newcomers,
        refused_growth_leaves_nothing_behind,
    };
    shadows::{
        a_shadow_is_charged_with_what_was_started,
        a_shadow_goes_on_after_a_restart,
        what_cannot_be_in_shadow_is_refused,
        a_shadow_that_cannot_place_is_noted_once,
        another_takes_the_place_of_one_that_cannot_place,
        a_shadow_that_is_swapped_in_is_none_any_more,
        old_decisions_of_shadows_are_dropped,
    };
    swaps::{
        a_swap_charges_the_new_cohorts_with_what_was_started,
        what_is_taken_back_is_as_it_was,
        a_probation_that_was_passed_is_over,
        fewer_policies_are_on_no_probation,
        a_refused_swap_leaves_nothing_behind,
    };
    histories::{
        histories_hold_the_attempts_of_all_rollouts,
        a_failure_after_the_delivery_is_a_failure,
        waits_end_as_the_log_tells,
        histories_are_of_the_fleet_in_service,
    };
    explained::{
        a_blocker_is_kept_as_long_as_its_device_waits,
        the_log_is_read_by_device,
        the_log_of_a_device_is_of_all_its_rollouts,
        bounds_are_those_of_the_newest_engine,
        transfers_are_counted,
    };
}
