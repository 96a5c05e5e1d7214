//! Design §4: a job reaches the device's address and nothing else.

use http::{Method, Request, header};
use tokio::io::AsyncWriteExt;
use windlass_host::egress::{Denial, EgressError, Special, Target, TargetError};

use crate::support::{OK, device, egress, empty, exchange, lease, post, serve, terms};

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_mean_another_place_are_refused() {
    let (listener, url) = device().await;
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(serve(listener, OK));
    let (egress, lease) = (egress(), lease(&url));
    for elsewhere in [
        format!("http://127.0.0.1:{}/update", port ^ 1),
        format!("http://127.0.0.2:{port}/update"),
        format!("https://127.0.0.1:{port}/update"),
        format!("http://localhost:{port}/update"),
        format!("http://user:password@127.0.0.1:{port}/update"),
    ] {
        let refused = exchange(&egress, &lease, post(&elsewhere, empty())).await;
        assert!(
            matches!(
                refused,
                Err(EgressError::Denied(
                    Denial::Elsewhere { .. } | Denial::Malformed(_)
                ))
            ),
            "{elsewhere}: {refused:?}"
        );
    }
    exchange(&egress, &lease, post(&url, empty()))
        .await
        .expect("the device itself is reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_methods_that_lead_elsewhere_are_refused() {
    let (_listener, url) = device().await;
    let (egress, lease) = (egress(), lease(&url));
    let refused = |name, value: &'static str| {
        let mut request = post(&url, empty());
        request
            .headers_mut()
            .insert(name, value.parse().expect("a header value"));
        exchange(&egress, &lease, request)
    };
    assert!(matches!(
        refused(header::HOST, "169.254.169.254").await,
        Err(EgressError::Denied(Denial::HostHeader))
    ));
    for name in [
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
    ] {
        assert!(matches!(
            refused(name, "chunked").await,
            Err(EgressError::Denied(Denial::Header(_)))
        ));
    }
    assert!(matches!(
        refused(header::CONTENT_LENGTH, "5").await,
        Err(EgressError::Denied(Denial::ContentLength))
    ));
    let connect = Request::builder()
        .method(Method::CONNECT)
        .uri(&url)
        .body(empty())
        .expect("a request");
    assert!(matches!(
        exchange(&egress, &lease, connect).await,
        Err(EgressError::Denied(Denial::Method(_)))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_link_local_addresses_are_never_dialled() {
    let egress = egress();
    for (url, expected) in [
        ("http://169.254.169.254/latest", Special::Metadata),
        ("http://[::ffff:169.254.169.254]/latest", Special::Metadata),
        ("http://[64:ff9b::a9fe:a9fe]/latest", Special::Metadata),
        ("http://[fd00:ec2::254]/latest", Special::Metadata),
        ("http://169.254.7.7/", Special::LinkLocal),
        ("http://[fe80::1]/", Special::LinkLocal),
        ("http://224.0.0.1/", Special::Multicast),
        ("http://0.0.0.0/", Special::Unspecified),
        // What getaddrinfo makes of a number is checked like any other answer.
        ("http://2852039166/latest", Special::Metadata),
    ] {
        let refused = exchange(&egress, &lease(url), post(url, empty())).await;
        assert!(
            matches!(refused, Err(EgressError::Prohibited { special, .. }) if special == expected),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_allowed_to_the_resolved_address_of_the_lease_only() {
    let egress = egress();
    let literal = lease("http://10.0.0.5:8080/");
    let socket = |text: &str| text.parse().expect("an address");
    assert!(egress.allows_socket(&literal, socket("10.0.0.5:8080")));
    assert!(egress.allows_socket(&literal, socket("[::ffff:10.0.0.5]:8080")));
    assert!(!egress.allows_socket(&literal, socket("10.0.0.5:22")));
    assert!(!egress.allows_socket(&literal, socket("10.0.0.6:8080")));
    assert!(!egress.allows_socket(&lease("http://169.254.1.1:80/"), socket("169.254.1.1:80")));

    let named = lease("ssh://localhost:22/");
    assert!(!egress.allows_socket(&named, socket("127.0.0.1:22")));
    egress.resolve(&named).await.expect("localhost resolves");
    assert!(
        egress.allows_socket(&named, socket("127.0.0.1:22"))
            || egress.allows_socket(&named, socket("[::1]:22"))
    );
    named.end();
    assert!(!egress.allows_socket(&named, socket("127.0.0.1:22")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_grant_widens_the_reach() {
    let (listener, url) = device().await;
    tokio::spawn(serve(listener, OK));
    let mut terms = terms("http://10.255.255.1/");
    terms.reach.push(Target::parse(&url).expect("a URL"));
    let lease = windlass_host::lease::Lease::new(terms);
    exchange(&egress(), &lease, post(&url, empty()))
        .await
        .expect("the granted place is reached");
}

#[test]
fn addresses_without_host_or_with_credentials_are_no_targets() {
    for (address, expected) in [
        ("10.0.0.5:8080", TargetError::NotAUrl),
        ("/update", TargetError::NotAUrl),
        ("http://:80/", TargetError::NotAUrl),
        ("http://device:99999/", TargetError::NotAUrl),
        ("http://user:secret@device/", TargetError::Credentials),
    ] {
        assert_eq!(
            Target::parse(address).expect_err(address),
            expected,
            "{address}"
        );
    }
    let target = Target::parse("HTTPS://Device.Example").expect("a URL");
    assert_eq!(target.to_string(), "https://device.example:443");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_speak_tls_is_not_taken_for_one() {
    let (listener, url) = device().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(OK).await
    });
    let url = url.replace("http:", "https:");
    let refused = exchange(&egress(), &lease(&url), post(&url, empty())).await;
    assert!(matches!(refused, Err(EgressError::Tls(_))), "{refused:?}");
}
