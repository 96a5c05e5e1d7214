//! Plugins that no one wrote into the engine.

use std::fs;

use sha2::{Digest as _, Sha256 as Hasher};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use windlass_model::Sha256;
use windlass_sim::FleetSpec;

use crate::support::{Bench, Config, build_guest, repository};

/// Two deliveries of one component with different settings, chosen per device (GO-03).
#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_one_component_serve_their_own_devices() {
    let bench = Bench::new(
        FleetSpec {
            count: 6,
            ..FleetSpec::default()
        },
        1_000,
    );
    let mut devices: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("devices.json")).expect("it is there"))
            .expect("it is JSON");
    for (index, device) in devices
        .as_array_mut()
        .expect("an array")
        .iter_mut()
        .enumerate()
    {
        device["kind"] = if index % 2 == 0 {
            "gateway".into()
        } else {
            "till".into()
        };
    }
    bench.write("devices.json", &devices.to_string());
    bench.configure(&Config {
        plugins: r#"
[plugins.http-gateways]
component = "builtin:delivery-http"
settings = { allow_plain_http = true, headers = { "X-Site" = "gateway" } }
"#,
        rollout: r#"delivery = [{ when = 'device.kind == "gateway"', use = "http-gateways" }, { use = "http" }]"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for index in 0..6 {
        let push = bench.fleet.last_push(index).expect("it was pushed to");
        assert_eq!(
            push.header("x-site"),
            (index % 2 == 0).then_some("gateway"),
            "device {index}"
        );
    }
}

/// A component file in place of a built-in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_given_by_its_path() {
    let bench = Bench::new(
        FleetSpec {
            count: 3,
            ..FleetSpec::default()
        },
        1_000,
    );
    let component = windlass_builtin::builtin("delivery-http").expect("it is built in");
    fs::write(bench.path("vendor.wasm"), component).expect("the folder can be written");
    bench.configure(&Config {
        plugins: "[plugins.vendor]\ncomponent = \"vendor.wasm\"\nsettings = { allow_plain_http = true }\n",
        rollout: "delivery = \"vendor\"",
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}

/// The SDK's example, compiled outside the workspace as a vendor would (GO-04, GO-52).
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_built_from_the_sdk_example_works() {
    let folder = repository().join("sdk/example-delivery");
    let component = build_guest(&folder, "windlass-example-delivery");
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        3_000_000,
    );
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let device = tokio::spawn(frame_device(listener));
    bench.write(
        "devices.json",
        &format!(r#"[{{"id":"d1","name":"One","address":"http://{address}"}}]"#),
    );
    fs::copy(component, bench.path("example.wasm")).expect("the folder can be written");
    bench.configure(&Config {
        plugins: "[plugins.example]\ncomponent = \"example.wasm\"\nsettings = { frame = 100000 }\n",
        rollout: "delivery = \"example\"",
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let frames = device.await.expect("the device does not panic");
    assert_eq!(frames.len(), 30);
    assert_eq!(
        Sha256(Hasher::digest(frames.concat()).into()),
        bench.payload
    );
}

/// A device that speaks the example's protocol: takes one chunked `PUT` of length-prefixed
/// frames and the digest that follows, and returns the frames.
async fn frame_device(listener: TcpListener) -> Vec<Vec<u8>> {
    let (connection, _) = listener.accept().await.expect("a connection comes");
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    connection
        .read_line(&mut line)
        .await
        .expect("a request comes");
    assert_eq!(line.trim(), "PUT /frames HTTP/1.1");
    while line != "\r\n" {
        line.clear();
        connection
            .read_line(&mut line)
            .await
            .expect("the head goes on");
    }
    let mut body = Vec::new();
    loop {
        line.clear();
        connection
            .read_line(&mut line)
            .await
            .expect("a chunk comes");
        let size = usize::from_str_radix(line.trim(), 16).expect("a chunk has a size");
        let mut chunk = vec![0; size + 2];
        connection
            .read_exact(&mut chunk)
            .await
            .expect("the chunk comes whole");
        if size == 0 {
            break;
        }
        body.extend_from_slice(&chunk[..size]);
    }
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    connection
        .write_all(answer)
        .await
        .expect("the engine listens");
    let mut frames = Vec::new();
    let mut rest = body.as_slice();
    loop {
        let (length, after) = rest.split_at(4);
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        if length == 0 {
            assert_eq!(
                Hasher::digest(frames.concat()).as_slice(),
                after,
                "the digest ends the body"
            );
            return frames;
        }
        let (frame, after) = after.split_at(length);
        frames.push(frame.to_vec());
        rest = after;
    }
}
