//! Components of a few lines of WebAssembly text.

use std::path::Path;

use bytes::Bytes;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A filter whose `matches` is `matches`: it has the locals `$now`, `$devices` and
/// `$count`, and `$answer` gives a result of so many zero bytes. `extra` goes before.
pub(crate) fn filter(extra: &str, matches: &str) -> Bytes {
    filter_with("", 0, extra, matches)
}

/// As [`filter`], with `imports` in its world and the device fields of `reads`.
pub(crate) fn filter_with(imports: &str, reads: u16, extra: &str, matches: &str) -> Bytes {
    let module = format!(
        r#"(module
            (import "[export]windlass:plugin/filter@0.1.0" "[resource-new]compiled-filter"
                (func $new (param i32) (result i32)))
            {extra}
            (memory (export "memory") 1)
            (global $top (mut i32) (i32.const 4096))
            (data (i32.const 16) "{{}}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32) (local $pages i32)
                (local.set $at (i32.and
                    (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
                (global.set $top (i32.add (local.get $at) (local.get 3)))
                (local.set $pages (i32.sub
                    (i32.add (i32.shr_u (global.get $top) (i32.const 16)) (i32.const 1))
                    (memory.size)))
                (if (i32.gt_s (local.get $pages) (i32.const 0))
                    (then (drop (memory.grow (local.get $pages)))))
                (local.get $at))
            (func (export "windlass:plugin/filter@0.1.0#describe") (result i32)
                (i32.store (i32.const 64) (i32.const 16))
                (i32.store (i32.const 68) (i32.const 2))
                (i32.store8 (i32.const 72) (i32.const 0))
                (i32.const 64))
            (func (export "windlass:plugin/filter@0.1.0#[static]compiled-filter.open")
                (param i32 i32 i32 i32 i32) (result i32)
                (i32.store8 (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (call $new (i32.const 1)))
                (i32.const 64))
            (func (export "windlass:plugin/filter@0.1.0#[method]compiled-filter.reads")
                (param i32) (result i32)
                (i32.store16 (i32.const 64) (i32.const {reads}))
                (i32.store (i32.const 68) (i32.const 0))
                (i32.store (i32.const 72) (i32.const 0))
                (i32.const 64))
            (func (export "windlass:plugin/filter@0.1.0#[method]compiled-filter.narrow")
                (param i32) (result i32)
                (i32.store (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (i32.const 0))
                (i32.const 64))
            (func (export "windlass:plugin/filter@0.1.0#[method]compiled-filter.explain")
                (param i32) (result i32)
                (i32.store (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (i32.const 0))
                (i32.const 64))
            (func $answer (param $bytes i32) (result i32)
                (global.set $top (i32.const 4096))
                (i32.store8 (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (i32.const 1024))
                (i32.store (i32.const 72) (local.get $bytes))
                (i32.const 64))
            (func (export "windlass:plugin/filter@0.1.0#[method]compiled-filter.matches")
                (param $self i32) (param $now i64) (param $devices i32) (param $count i32)
                (result i32)
                {matches})
        )"#
    );
    component("device-filter", imports, &module)
}

/// `module` as a component of a world of the contract, with `imports` added to it.
pub(crate) fn component(world: &str, imports: &str, module: &str) -> Bytes {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    resolve.push_path(wit).expect("the contract is well-formed");
    let package = resolve
        .push_str(
            "guest.wit",
            &format!(
                "package test:guest;
                 world guest {{ include windlass:plugin/{world}@0.1.0; {imports} }}"
            ),
        )
        .expect("the world is well-formed");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("the world is there");
    let mut module = wat::parse_str(module).expect("the guest is well-formed");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the world can be embedded");
    ComponentEncoder::default()
        .module(&module)
        .expect("the module carries its world")
        .validate(true)
        .encode()
        .expect("the module fits its world")
        .into()
}

/// `component` with every mention of `from` replaced by `to`, which is as long.
pub(crate) fn patched(component: &Bytes, from: &str, to: &str) -> Bytes {
    assert_eq!(from.len(), to.len(), "offsets must stay as they are");
    let mut bytes = component.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        bytes[at + found..at + found + to.len()].copy_from_slice(to.as_bytes());
        at += found + to.len();
    }
    bytes.into()
}

/// A delivery whose `push` is `push`: `$delivered` gives its good answer, `$let-go` drops
/// the payload, as every delivery does that is done with it.
pub(crate) fn delivery(push: &str) -> Bytes {
    delivery_with("", 0, push)
}

/// A delivery whose `push` sends a POST to `url` with `headers` as they are, by
/// `exchange.send`. If a header is refused it fails with the name that the host gives.
pub(crate) fn delivery_that_sends(url: &str, headers: &str) -> Bytes {
    // In the words of WebAssembly's text, whose strings know `\r` and `\n` too.
    let quoted = |text: &str| format!("{text:?}");
    delivery_with(
        &format!(
            r#"(import "windlass:plugin/exchange@0.1.0" "send"
                (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i64 i32)))
            (data (i32.const 512) "POST")
            (data (i32.const 1024) {})
            (data (i32.const 2048) {})"#,
            quoted(url),
            quoted(headers)
        ),
        0,
        &format!(
            r#"(call $send
                (i32.const 512) (i32.const 4) (i32.const 1024) (i32.const {})
                (i32.const 2048) (i32.const {})
                ;; With nothing.
                (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0)
                (i32.const 128))
            (call $let-go)
            (if (i32.eqz (i32.load8_u (i32.const 128)))
                (then (return (call $delivered))))
            (if (i32.load8_u (i32.const 136))
                ;; Not because of a header.
                (then (unreachable)))
            (call $fail (i32.load (i32.const 144)) (i32.load (i32.const 148)))"#,
            url.len(),
            headers.len()
        ),
    )
}

/// A delivery with the device fields of `reads`, whose pushes fail with the device's address.
pub(crate) fn delivery_that_tells_the_address(reads: u16) -> Bytes {
    let push = "(call $let-go)
        (call $fail
            (i32.load (i32.add (local.get 0) (i32.const 24)))
            (i32.load (i32.add (local.get 0) (i32.const 28))))";
    delivery_with("", reads, push)
}

fn delivery_with(imports: &str, reads: u16, push: &str) -> Bytes {
    let module = format!(
        r#"(module
            {imports}
            (import "[export]windlass:plugin/protocol@0.1.0" "[resource-new]configured-delivery"
                (func $new (param i32) (result i32)))
            (import "windlass:plugin/payload@0.1.0" "[resource-drop]payload"
                (func $drop (param i32)))
            (memory (export "memory") 1)
            (global $top (mut i32) (i32.const 4096))
            (global $calls (mut i32) (i32.const 0))
            (data (i32.const 16) "{{}}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and
                    (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
                (global.set $top (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "windlass:plugin/protocol@0.1.0#describe") (result i32)
                (i32.store (i32.const 64) (i32.const 16))
                (i32.store (i32.const 68) (i32.const 2))
                (i32.store8 (i32.const 72) (i32.const 0))
                (i32.store (i32.const 76) (i32.const 0))
                (i32.store (i32.const 80) (i32.const 0))
                (i32.const 64))
            (func (export "windlass:plugin/protocol@0.1.0#interpret")
                (param i32 i32) (result i32)
                (unreachable))
            (func (export "windlass:plugin/protocol@0.1.0#[static]configured-delivery.open")
                (param i32 i32) (result i32)
                (i32.store8 (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (call $new (i32.const 1)))
                (i32.const 64))
            (func (export "windlass:plugin/protocol@0.1.0#[method]configured-delivery.reads")
                (param i32) (result i32)
                (i32.store16 (i32.const 64) (i32.const {reads}))
                (i32.store (i32.const 68) (i32.const 0))
                (i32.store (i32.const 72) (i32.const 0))
                (i32.const 64))
            (func (export "windlass:plugin/protocol@0.1.0#[method]configured-delivery.probe")
                (param i32) (result i32)
                (unreachable))
            (func (export "windlass:plugin/protocol@0.1.0#[method]configured-delivery.verify")
                (param i32) (result i32)
                (unreachable))
            (func $let-go
                ;; The only handle that the guest has.
                (call $drop (i32.const 1)))
            (func $delivered (result i32)
                (i32.store8 (i32.const 64) (i32.const 0))
                (i32.store8 (i32.const 72) (i32.const 0))
                (i32.const 64))
            (func $fail (param $text i32) (param $length i32) (result i32)
                (i32.store8 (i32.const 64) (i32.const 1))
                ;; `other`.
                (i32.store8 (i32.const 72) (i32.const 10))
                (i32.store (i32.const 80) (local.get $text))
                (i32.store (i32.const 84) (local.get $length))
                (i32.const 64))
            (func (export "windlass:plugin/protocol@0.1.0#[method]configured-delivery.push")
                (param i32) (result i32)
                {push})
        )"#
    );
    component("delivery", "", &module)
}
