"""The sentences and names of scripted chats in four languages; every one is invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """What is said in one language; ``{n}`` stands for a number of six digits.

    A customer begins with one of the ``openings`` and an agent with the ``greeting``; the first
    sentence of a bot greets, too. ``welcome``, ``busy`` and ``survey`` are the flow's.
    """

    code: str
    names: tuple[str, ...]
    openings: tuple[str, ...]
    customer: tuple[str, ...]
    greeting: str
    agent: tuple[str, ...]
    farewell: str
    bot: tuple[str, ...]
    welcome: str
    busy: str
    survey: str


ENGLISH = Language(
    code="en",
    names=(
        *("Alder", "Brook", "Clover", "Dune", "Ember", "Fern", "Hazel", "Juniper", "Lark"),
        *("Moss", "Olive", "Pebble", "Quill", "Rowan", "Sorrel", "Thistle", "Willow", "Wren"),
    ),
    openings=(
        "Hi, where is my order {n}?",
        "I was charged twice for {n}, please have a look.",
        "The app says “something went wrong” every time I press save.",
        "hello??",
        "Is there a fee for cancelling before the end of the month?",
        "The voucher {n} is not accepted at checkout.",
        "Hello, I would like to return something 📦",
    ),
    customer=(
        "It was supposed to arrive on Tuesday and the tracking page has not moved since.",
        "Can I still change the delivery address?",
        "The blue one, size medium.",
        "ok",
        "Thanks! 🙏",
        "No, that is not it.",
        "My card ends in 4242 if that helps",
        "I have restarted the router two times and the light still blinks orange.",
        "How long will that take?",
        "Perfect, thank you so much 😊",
        "Sorry, I had to take a call. I am back now.",
        "Could you send me the invoice as a PDF?",
        "I would rather have a refund than a replacement.",
        "yes",
        "It worked, you are a star ⭐",
        "I don't see that button anywhere.",
        "Can someone call me instead?",
        "That is the third time this happens this year, and I am honestly tired of it.",
        "👍",
        "My old address was in the profile, I have changed it a minute ago.",
        "Great, and the number is {n}, right?",
        "wait, now it shows something else",
    ),
    greeting="Thanks for waiting, I am here now. Let me read what you wrote.",
    agent=(
        "I can see the order {n} here. Give me a moment to check with the warehouse.",
        "I am sorry about that, this is not how it should have gone.",
        "Could you tell me the postcode of the delivery address?",
        "The parcel left our depot last night and should reach you tomorrow before noon.",
        "I have refunded the second charge. It shows on your statement within three working days.",
        "Please hold the reset button for ten seconds, then let it start again.",
        "Let me ask a colleague who knows this part better than I do.",
        "I have sent the invoice to the address that we have on file.",
        "Take your time, I am here.",
        "You will find it under Settings › Account › Delivery.",
        "Your case number is {n}, in case you need to come back to us.",
        "Done! The new address is saved.",
        "I understand. Cancelling is free until the last day of the month.",
        "May I ask which browser you are using?",
        "Thank you for your patience, it is nearly there.",
        "One moment please ⏳",
        "Is there anything else that I can do for you today?",
    ),
    farewell="You are welcome. Have a lovely day! 🌻",
    bot=(
        "Hello! I am the virtual assistant. In a few words, how can I help?",
        "I found order {n}. Is your question about this one?",
        "Did that answer your question?",
        "I am not sure I understood. Could you put it another way?",
        "One moment, I am looking that up for you.",
    ),
    welcome="Welcome to our chat. This conversation may be kept to improve our service.",
    busy="All our agents are busy at the moment. Thank you for holding.",
    survey="How did we do today? Answer with a number from 1 to 5.",
)
SPANISH = Language(
    code="es",
    names=("Arroyo", "Brisa", "Cierzo", "Jara", "Nube", "Olmo", "Romero", "Trébol"),
    openings=(
        "Hola, ¿dónde está mi pedido {n}?",
        "Me han cobrado dos veces este mes.",
        "No me funciona la aplicación desde ayer por la mañana.",
    ),
    customer=(
        "Sí, ese es.",
        "¿Cuánto tarda el reembolso?",
        "Muchas gracias 😊",
        "vale",
        "Todavía no he recibido el correo.",
        "El código postal es {n}, creo.",
        "¿Y no se puede cambiar la dirección?",
        "Ya lo he intentado tres veces, y nada.",
    ),
    greeting="Buenos días, gracias por esperar. Ahora mismo lo reviso.",
    agent=(
        "El pedido {n} salió ayer del almacén y llegará mañana por la mañana.",
        "Lamento la molestia; ya he devuelto el segundo cargo.",
        "¿Me confirma el código postal, por favor?",
        "Un momento, lo consulto con mi compañera.",
        "Le acabo de enviar la factura por correo.",
        "¿Puedo ayudarle en algo más?",
    ),
    farewell="Que tenga un buen día ☀️",
    bot=(
        "¡Hola! Soy el asistente virtual. ¿En qué puedo ayudarle?",
        "¿Se trata del pedido {n}?",
        "No le he entendido bien. ¿Puede decirlo de otra manera?",
    ),
    welcome="Le damos la bienvenida. Le atenderemos en breve.",
    busy="Todos los agentes están ocupados. Gracias por esperar.",
    survey="¿Qué tal lo hemos hecho hoy? Responda con un número del 1 al 5.",
)
ARABIC = Language(
    code="ar",
    names=("نسيم", "ندى", "غيث", "زهر", "ريم"),
    openings=(
        "مرحبا، أين طلبي رقم {n}؟",
        "التطبيق لا يعمل على هاتفي منذ البارحة",
        "لم يصل الطرد حتى الآن",
    ),
    customer=(
        "نعم، هذا صحيح",
        "كم من الوقت سيستغرق ذلك؟",
        "شكرا جزيلا 🌹",
        "رقم الفاتورة {n}",
        "حسنا، سأنتظر",
        "هل يمكنني تغيير العنوان؟",
    ),
    greeting="أهلا بك، شكرا لانتظارك. سأراجع طلبك حالا.",
    agent=(
        "نعتذر عن التأخير، سيصلك الطرد غدا قبل الظهر.",
        "هل يمكنك تأكيد العنوان من فضلك؟",
        "أرى الطلب {n} أمامي، لحظة من فضلك.",
        "تم حفظ العنوان الجديد.",
        "هل أستطيع مساعدتك في شيء آخر؟",
    ),
    farewell="على الرحب والسعة، نتمنى لك يوما سعيدا ☀️",
    bot=("مرحبا! أنا المساعد الآلي، كيف أساعدك؟", "هل سؤالك عن الطلب {n}؟"),
    welcome="أهلا بك. سيكون معك أحد موظفينا قريبا.",
    busy="جميع موظفينا مشغولون الآن، شكرا لانتظارك.",
    survey="كيف كانت خدمتنا اليوم؟ أجب برقم من 1 إلى 5.",
)
JAPANESE = Language(
    code="ja",
    names=("あおい", "そら", "みどり", "しずく", "こはる"),
    openings=(
        "注文番号{n}はいつ届きますか？",
        "アプリにログインできません。",
        "商品がまだ届いていません。",
    ),
    customer=(
        "はい、そうです。",
        "返品はできますか？",
        "ありがとうございます🙇",
        "番号は{n}です。",
        "もう一度試してみます。",
        "住所を変更したいです。",
    ),
    greeting="お待たせいたしました。ただいま確認いたします。",
    agent=(
        "ご注文{n}は明日の午前中にお届けの予定です。",
        "ご不便をおかけして申し訳ございません。",
        "郵便番号を教えていただけますか？",
        "新しいご住所を登録いたしました。",
        "ほかにお困りのことはございませんか？",
    ),
    farewell="ご利用ありがとうございました🌸",
    bot=("こんにちは。ご用件をお聞かせください。", "ご注文{n}についてのお問い合わせですか？"),
    welcome="お問い合わせありがとうございます。担当者におつなぎします。",
    busy="ただいま混み合っております。しばらくお待ちください。",
    survey="本日の対応はいかがでしたか？1から5の数字でお答えください。",
)

LANGUAGES = (ENGLISH,) * 16 + (SPANISH, SPANISH, ARABIC, JAPANESE)
"""One entry for each twentieth of the chats."""
